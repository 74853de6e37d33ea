/** Everything that is measured on a real node: memory at rest, 1 GiB, 4 KiB, recovery. */
import { openCache } from "#bench/cache.ts";
import { benchLargeObject } from "#bench/large-object.ts";
import type { Measurement } from "#bench/measurement.ts";
import { benchMemory, benchRecovery } from "#bench/recovery.ts";
import { startNode } from "#bench/running-node.ts";
import { benchSmallObjects } from "#bench/small-objects.ts";

export async function* benchStore(): AsyncGenerator<Measurement> {
  const cache = openCache();
  await using node = await startNode(cache);
  yield* benchMemory(node);
  yield* benchLargeObject(node, cache);
  yield* benchSmallObjects(node, cache);
  yield* benchRecovery(node);
}
