/** Everything that is measured on a real node: memory at rest, large and small objects, scrubbing, recovery. */
import { openCache } from "#bench/cache.ts";
import { benchLargeGet } from "#bench/large-get.ts";
import { benchLargePut } from "#bench/large-put.ts";
import type { Measurement } from "#bench/measurement.ts";
import { preparePeers } from "#bench/peers-of-store.ts";
import { benchMemory, benchRecovery } from "#bench/recovery.ts";
import { startNode } from "#bench/running-node.ts";
import { benchScrub } from "#bench/scrub.ts";
import { benchSmallObjects } from "#bench/small-objects.ts";

export async function* benchStore(): AsyncGenerator<Measurement> {
  const cache = openCache();
  const peers = await preparePeers(cache);
  await using node = await startNode(cache);
  yield* benchMemory(node);
  yield* benchLargePut(node, cache, peers);
  yield* benchLargeGet(node, cache, peers);
  yield* benchSmallObjects(node, cache, peers);
  yield* benchScrub(cache, peers);
  yield* benchRecovery(node);
}
