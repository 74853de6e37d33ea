/**
 * A fuzzer that is led by what it reaches: an input that takes a function through blocks in a new way is kept, and changed
 * again. A failure is a `Found`, which has its input.
 *
 * To see which way an execution went takes longer than a hundred of them. So some are looked at one by one, as long as that
 * takes as many as there is time for pass unseen, and those are searched by halves if together they went where nobody had been.
 */
import assert from "node:assert/strict";
import type { Random } from "#runtime/random.ts";
import { INPUT_BYTES_MAX, mutate } from "#test/fuzz/mutate.ts";
import { examine } from "#test/fuzz/oracle.ts";
import { type News, Reach } from "#test/fuzz/reach.ts";
import type { Target } from "#test/fuzz/target.ts";

export interface FuzzReport {
  readonly executions: number;
  /** Ways through the blocks of a function that were seen. */
  readonly reached: number;
  /** Inputs that reached something, those to begin with among them. */
  readonly kept: readonly Uint8Array[];
}

export interface FuzzOptions {
  readonly random: Random;
  readonly forMs: number;
  /** Inputs to begin with, beside the seeds. */
  readonly corpus?: readonly Uint8Array[];
  /** Somebody wants it to end. */
  readonly isOver?: () => boolean;
  /** Now and then, for who watches. */
  readonly onProgress?: (soFar: FuzzReport) => void;
}

/** Inputs that are kept at most: beyond them only the clock goes on. */
const KEPT_MAX = 4096;
/** Executions that are looked at one by one, and then as long as that took, times this, of which are not. */
const CLOSE_COUNT = 16;
const AFAR_SHARE = 2;
/** So few are looked at one by one. */
const FEW = 4;
/** Executions among which something new is looked for. */
const AFAR_COUNT_MAX = 8192;

export async function fuzz(
  target: Target,
  { random, forMs, corpus = [], isOver, onProgress }: FuzzOptions,
): Promise<FuzzReport> {
  const kept: Uint8Array[] = [];
  const reached = new Set<string>();
  const reach = new Reach();
  let executions = 0;

  const run = async (input: Uint8Array): Promise<void> => {
    await examine(target, input);
    executions += 1;
  };
  const runClosely = async (input: Uint8Array): Promise<void> => {
    await run(input);
    const reachedBefore = reached.size;
    for (const way of reach.lookClosely()) reached.add(way);
    // A long one is there for what takes long; what it reaches, a short one does.
    if (reached.size > reachedBefore && kept.length < KEPT_MAX && input.length <= INPUT_BYTES_MAX) kept.push(input);
  };
  /** Those of `inputs` that together went somewhere new. What does not do so again was none of theirs. */
  const find = async (inputs: readonly Uint8Array[], news: News | undefined): Promise<void> => {
    if (news === undefined) return;
    if (inputs.length <= FEW) for (const input of inputs) await runClosely(input);
    else {
      const middle = inputs.length >>> 1;
      for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
        for (const input of half) await run(input);
        await find(half, reach.lookFromAfar());
      }
    }
    reach.note(news);
  };
  const next = (): Uint8Array => {
    // Every other time one of the newest: what they have reached was only just found.
    const newest = Math.max(0, kept.length - 16);
    const from = random.below(2) === 0 ? newest : 0;
    const input = kept[from + random.below(kept.length - from)];
    const other = kept[random.below(kept.length)];
    assert(input !== undefined && other !== undefined, "the seeds reach something");
    return mutate(input, other, random, target);
  };

  try {
    reach.lookClosely();
    for (const input of [...target.seeds, ...corpus]) await runClosely(input);
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs && isOver?.() !== true) {
      const startedMs = performance.now();
      for (let count = 0; count < CLOSE_COUNT && performance.now() < endMs; count += 1) await runClosely(next());
      const afarEndMs = Math.min(endMs, performance.now() + AFAR_SHARE * (performance.now() - startedMs));
      const unseen: Uint8Array[] = [];
      while (performance.now() < afarEndMs && unseen.length < AFAR_COUNT_MAX) {
        const input = next();
        await run(input);
        unseen.push(input);
      }
      await find(unseen, reach.lookFromAfar());
      // Who wants it to end, and what is left of an execution, get a turn.
      await new Promise(setImmediate);
      onProgress?.({ executions, reached: reached.size, kept });
    }
  } finally {
    reach.close();
    await target.close?.();
  }
  return { executions, reached: reached.size, kept };
}
