/** A small file that only its owner can read, unless it is said otherwise: whole, on the disk and under its name, or not there. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { partOf } from "#cli/part-name.ts";

/** `place` gives it its name: `linkSync` where nothing has it yet, else `renameSync`. Throws what the system refuses. */
export function writeOwn(
  file: string,
  text: string,
  place: (part: string, file: string) => void,
  mode: number = 0o600,
): void {
  const part = partOf(file);
  rmSync(part, { force: true });
  const descriptor = openSync(part, "wx", mode);
  try {
    const bytes = Buffer.from(text);
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
    place(part, file);
  } finally {
    closeSync(descriptor);
    rmSync(part, { force: true });
  }
  const directory = openSync(dirname(file), "r");
  fsyncSync(directory);
  closeSync(directory);
}
