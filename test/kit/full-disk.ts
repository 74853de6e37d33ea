/** A disk that another program fills. */
import assert from "node:assert/strict";
import { appendFileSync, statSync } from "node:fs";
import { MiB } from "#runtime/units.ts";

/** What a process that was killed held of removed files may be free only some time after it is gone. */
const SETTLED_MS = 200;

/** Not even a small file fits any more, nor a moment later. */
export function fillToTheLastByte(ballast: string): void {
  for (let filledBytes = -1; fill(ballast) > filledBytes; ) {
    filledBytes = statSync(ballast).size;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLED_MS);
  }
}

/** Answers with how long the file is. */
function fill(ballast: string): number {
  for (const blockBytes of [1 * MiB, 4096]) {
    const block = new Uint8Array(blockBytes);
    try {
      for (;;) appendFileSync(ballast, block);
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
  }
  return statSync(ballast).size;
}
