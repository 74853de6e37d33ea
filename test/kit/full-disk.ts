/** A disk that another program fills. */
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { MiB } from "#runtime/units.ts";

/** Not even a small file fits any more. */
export function fillToTheLastByte(ballast: string): void {
  for (const blockBytes of [1 * MiB, 4096]) {
    const block = new Uint8Array(blockBytes);
    try {
      for (;;) appendFileSync(ballast, block);
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
  }
}
