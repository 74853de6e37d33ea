/**
 * What must hold of every reader of bytes, whatever it reads: it ends in time, does not take memory that the bytes only speak
 * of, and leaves alone what all objects share.
 *
 * - Time is that of processors, however long a busy machine let it wait: asked for where the clock alone, which is cheaper to read,
 *   says that it took long. One that never ends is ended by the runner of the tests.
 * - Memory is what is still held when the reader is done. What was given back meanwhile is not seen.
 * - What takes too much is asked again, twice: a collection of garbage or a compiler may have run beside it.
 */
import assert from "node:assert/strict";
import { getHeapStatistics } from "node:v8";
import { KiB, MiB } from "#runtime/units.ts";
import type { Target } from "#test/fuzz/target.ts";

/** Longest time for one input, ms of processors, and as much more for each KiB of it. */
const TIME_MS_MAX = 150;
const TIME_MS_PER_KIB = 4;
/** Most memory that is held after one input, bytes, and as much more for each of its bytes. */
const HELD_BYTES_MAX: number = 16 * MiB;
const HELD_BYTES_PER_BYTE = 256;
const TRIES = 3;

/** A target is wrong about an input. */
export class Found extends Error {
  readonly target: string;
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, cause: unknown) {
    const hex = Buffer.from(input.subarray(0, 2 * KiB)).toString("hex");
    super(`${target}, input ${hex}: ${cause instanceof Error ? cause.stack : String(cause)}`);
    this.target = target;
    this.input = input;
  }
}

/** What everything inherits from, as it was before anything was read. */
const INHERITED: readonly object[] = [Object.prototype, Array.prototype, Function.prototype, Uint8Array.prototype];
const inheritedCounts = INHERITED.map(countOf);

/** Throws `Found` where the target is wrong about the input in any way. */
export async function examine(target: Target, input: Uint8Array): Promise<void> {
  let excess = await excessOf(target, input, () => performance.now());
  for (let tries = 1; tries < TRIES && excess !== undefined; tries += 1) {
    excess = await excessOf(target, input, processorsMs);
  }
  if (excess === undefined) return;
  throw new Found(target.name, input, excess);
}

async function excessOf({ name, check }: Target, input: Uint8Array, nowMs: () => number): Promise<string | undefined> {
  const heldBefore = heldBytes();
  const startedMs = nowMs();
  try {
    // What a reader does to its input must not reach the next one.
    const checked = check(input.slice());
    if (checked !== undefined) await checked;
    for (const [index, shared] of INHERITED.entries()) {
      assert(countOf(shared) === inheritedCounts[index], "what all objects inherit from was changed");
    }
  } catch (cause) {
    throw new Found(name, input, cause);
  }
  const tookMs = nowMs() - startedMs;
  if (tookMs > TIME_MS_MAX + (input.length / KiB) * TIME_MS_PER_KIB) return `took ${Math.round(tookMs)} ms`;
  const held = heldBytes() - heldBefore;
  return held > HELD_BYTES_MAX + input.length * HELD_BYTES_PER_BYTE ? `held ${held} bytes` : undefined;
}

function processorsMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

function countOf(shared: object): number {
  return Reflect.ownKeys(shared).length;
}

/**
 * Fails unless `value` is data and nothing else, down to `depthMax`: of the classes that are named, without a key that would
 * reach a prototype when somebody copies it.
 */
export function assertPlain(value: unknown, depthMax: number, classes: readonly object[] = PLAIN): void {
  if (typeof value === "function" || typeof value === "symbol") assert.fail(`a ${typeof value} was read`);
  if (typeof value !== "object" || value === null) return;
  assert(depthMax > 0, "nothing deeper is read");
  const prototype: unknown = Object.getPrototypeOf(value);
  const isKnown = prototype === null || classes.includes(prototype as object);
  assert(isKnown, `an instance of ${(prototype as object | null)?.constructor?.name} was read`);
  if (value instanceof Uint8Array || value instanceof Date) return;
  for (const key of Object.keys(value)) {
    assert(key !== "__proto__", "a key that reaches a prototype was read");
    assertPlain(Reflect.get(value, key), depthMax - 1, classes);
  }
}

const PLAIN: readonly object[] = [Object.prototype, Array.prototype, Uint8Array.prototype, Buffer.prototype];
