/**
 * A fuzzer that is led by what it reaches: an input that takes a function through blocks in a new way is kept, and changed
 * again.
 *
 * A failure names its input, in hex. An input that takes more than `HANG_MS` of processors is one, however long a busy machine
 * let it wait; one that never ends is ended by the runner of the tests.
 */
import assert from "node:assert/strict";
import type { Random } from "#runtime/random.ts";
import { mutate } from "#test/fuzz/mutate.ts";
import { Reach } from "#test/fuzz/reach.ts";

export interface Target {
  readonly name: string;
  /** Valid encodings to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Throws where what is fuzzed is wrong about `input`. Asynchronous where that is. */
  check(input: Uint8Array): void | Promise<void>;
}

export interface FuzzReport {
  readonly executions: number;
  /** Ways through the blocks of a function that were seen. */
  readonly reached: number;
  /** Inputs that were kept, the seeds among them. */
  readonly kept: number;
}

const HANG_MS = 1000;
/** Inputs that are kept at most: beyond them only the clock goes on. */
const KEPT_MAX = 4096;

export async function fuzz({ seeds, check }: Target, random: Random, forMs: number): Promise<FuzzReport> {
  const kept: Uint8Array[] = [];
  const reached = new Set<string>();
  const reach = new Reach();
  let executions = 0;

  const run = async (input: Uint8Array): Promise<void> => {
    const before = process.cpuUsage();
    try {
      const checked = check(input.slice());
      if (checked !== undefined) await checked;
    } catch (cause) {
      assert.fail(
        `input ${Buffer.from(input).toString("hex")}: ${cause instanceof Error ? cause.stack : String(cause)}`,
      );
    }
    executions += 1;
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    assert(tookMs < HANG_MS, `input ${Buffer.from(input).toString("hex")}: took ${tookMs} ms`);
    const reachedBefore = reached.size;
    for (const shape of reach.look()) reached.add(shape);
    if (reached.size > reachedBefore && kept.length < KEPT_MAX) kept.push(input);
  };

  try {
    reach.look();
    for (const seed of seeds) await run(seed);
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      // Every other time one of the newest: what they have reached was only just found.
      const newest = Math.max(0, kept.length - 16);
      const from = random.below(2) === 0 ? newest : 0;
      const input = kept[from + random.below(kept.length - from)];
      const other = kept[random.below(kept.length)];
      assert(input !== undefined && other !== undefined, "the seeds reach something");
      await run(mutate(input, other, random));
    }
  } finally {
    reach.close();
  }
  return { executions, reached: reached.size, kept: kept.length };
}
