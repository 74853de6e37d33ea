/** A folder for what is made on the way, gone with all that is in it when it is disposed of. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Tarball } from "#release/tarball.ts";

export class Workspace implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "cepa-release-"));

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Writes the members of a tarball below `directory`, which is made, without the folder that all of them are in. */
export function unpack({ members }: Tarball, directory: string): void {
  for (const { path, kind, mode, bytes, target } of members) {
    const below = path.replace(/^[^/]+\/?/, "");
    const place = join(directory, below);
    if (kind === "folder") mkdirSync(place, { recursive: true });
    else {
      mkdirSync(dirname(place), { recursive: true });
      if (kind === "file") writeFileSync(place, bytes, { mode, flag: "wx" });
      else symlinkSync(target, place);
    }
  }
}

/** Takes from all others what they may do with the files below `directory`: another checkout may well be so. */
export function narrow(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) narrow(path);
    if (!entry.isSymbolicLink()) chmodSync(path, statSync(path).mode & 0o700);
  }
}
