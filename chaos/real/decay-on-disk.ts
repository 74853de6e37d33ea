/** Bits that flip in the packs of a node that runs, as on a disk that ages: nobody is told. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { anyDecay, type Decay } from "#chaos/disk/decay.ts";
import type { Random } from "#runtime/random.ts";

/** One more, in a record of a pack in `directory`; undefined where there is none. */
export function decayOnDisk(directory: string, random: Random): Decay | undefined {
  const packs = new Map<string, Uint8Array>();
  for (const name of readdirSync(directory).sort()) {
    const bytes = contentsOf(join(directory, name));
    if (bytes !== undefined) packs.set(join(directory, name), bytes);
  }
  const decay = anyDecay(packs, random);
  if (decay !== undefined) flipBit(decay);
  return decay;
}

/** Undefined where the file has gone meanwhile. */
function contentsOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function flipBit({ path, position, mask }: Decay): void {
  const descriptor = openSync(path, "r+");
  try {
    const byte = new Uint8Array(1);
    readSync(descriptor, byte, 0, 1, position);
    writeSync(
      descriptor,
      byte.map((value) => value ^ mask),
      0,
      1,
      position,
    );
  } finally {
    closeSync(descriptor);
  }
}
