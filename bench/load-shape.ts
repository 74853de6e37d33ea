/** A load of small requests: so many at a time, each one after another, for a time; and what is made of their latencies. */
import { randomFillSync } from "node:crypto";
import { percentile } from "#bench/measurement.ts";

export interface LoadShape {
  readonly connectionCount: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

export interface LoadResult {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** The first that were put, for a `get` later. */
  readonly names: readonly string[];
}

/** Names that a load remembers. */
export const NAMES_MAX = 2000;
/** One answer in so many is hashed: on two cores what the generator hashes is taken from what it measures. A power of two. */
export const DIGEST_EVERY = 64;

export interface Requester extends Partial<Disposable> {
  /** Throws where the answer is not right. */
  request(): Promise<void>;
}

/** `open` makes the requester with that index; `names` is what requests add to. */
export async function generateLoad(
  { connectionCount, durationMs }: LoadShape,
  names: readonly string[],
  open: (index: number) => Promise<Requester>,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  const work = async (index: number): Promise<void> => {
    const requester = await open(index);
    while (performance.now() < endMs) {
      const beganMs = performance.now();
      await requester.request();
      latenciesMs.push(performance.now() - beganMs);
    }
    requester[Symbol.dispose]?.();
  };
  await Promise.all(Array.from({ length: connectionCount }, (_, index) => work(index)));
  return {
    count: latenciesMs.length,
    perSecond: (latenciesMs.length * 1000) / (performance.now() - startedMs),
    p50Ms: percentile(latenciesMs, 50),
    p95Ms: percentile(latenciesMs, 95),
    p99Ms: percentile(latenciesMs, 99),
    names,
  };
}

/** Every body is new: nothing is deduplicated. It is good until the next one. */
export function newBodies(sizeBytes: number): () => Buffer {
  const body = randomFillSync(Buffer.allocUnsafe(sizeBytes));
  let number = 0;
  return () => {
    number += 1;
    body.writeUInt32LE(number, 0);
    return body;
  };
}

/** What the requester with that index asks for, one after the other, over and over. */
export function cycle<Value>(values: readonly Value[], index: number): () => Value {
  let next = index * 31;
  return () => {
    const value = values[next % values.length];
    if (value === undefined) throw new Error("there is nothing to ask for");
    next += 1;
    return value;
  };
}
