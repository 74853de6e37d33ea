/** Everything that is measured on a real node: memory at rest, 1 GiB, 4 KiB, recovery. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { benchLargeObject } from "#bench/large-object.ts";
import type { Measurement } from "#bench/measurement.ts";
import { benchMemory, benchRecovery } from "#bench/recovery.ts";
import { startNode } from "#bench/running-node.ts";
import { benchSmallObjects } from "#bench/small-objects.ts";

/** Kept between runs: the unpacked peers. Data directories in it are removed. */
const CACHE = join(import.meta.dirname, "..", ".cache", "bench");

export async function* benchStore(): AsyncGenerator<Measurement> {
  mkdirSync(CACHE, { recursive: true });
  await using node = await startNode(CACHE);
  yield* benchMemory(node);
  yield* benchLargeObject(node, CACHE);
  yield* benchSmallObjects(node, CACHE);
  yield* benchRecovery(node);
}
