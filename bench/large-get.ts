/**
 * 256 MiB back, verified by who sends them where that is its way: beside nginx, `restic dump` and Helia's `cat`. All of it is
 * in the page cache.
 *
 * What came is hashed once, before the time is taken. Helia's bytes stay in its own process.
 */
import { join } from "node:path";
import type { Helia } from "#bench/helia/helia.ts";
import type { Measurement } from "#bench/measurement.ts";
import { startNginx } from "#bench/nginx.ts";
import type { StorePeers } from "#bench/peers-of-store.ts";
import type { ResticRepository } from "#bench/restic.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { getRate, putRate, timed, writeRandom } from "#bench/transfer.ts";
import { takeTurns } from "#bench/turns.ts";
import { startDigest } from "#cli/digest.ts";
import { MiB } from "#runtime/units.ts";

const SIZE_BYTES: number = 256 * MiB;
const ROUNDS = 7;
/** 16 Gbit/s. */
const LEAST: number = Math.ceil(16e9 / 8 / MiB);

export async function* benchLargeGet(
  node: RunningNode,
  cache: string,
  { restic, helia: startHelia }: StorePeers,
): AsyncGenerator<Measurement> {
  using served = new TemporaryFolder(cache, "served-");
  const file = join(served.path, "object");
  const address = writeRandom(file, SIZE_BYTES);
  const path = `/o/${address}`;
  await putRate(node, file, SIZE_BYTES);
  await getRate(node.port, path, SIZE_BYTES, address);

  await using nginx = await startNginx(cache, served.path);
  if (nginx !== undefined) await getRate(nginx.port, "/object", SIZE_BYTES, address);
  using repository = await restic?.open("auto");
  await repository?.backup(file);
  if (repository !== undefined) await dumpRate(repository, file, address);
  await using helia = await startHelia?.();
  const cid = (await helia?.import(file)) ?? "";
  if (helia !== undefined) await catRate(helia, cid, address);

  const { cepa = [], ...peers } = await takeTurns(
    {
      cepa: () => getRate(node.port, path, SIZE_BYTES),
      "nginx sendfile": nginx && (() => getRate(nginx.port, "/object", SIZE_BYTES)),
      "restic dump": repository && (() => dumpRate(repository, file)),
      "Helia cat": helia && (() => catRate(helia, cid)),
    },
    ROUNDS,
  );
  yield* sideBySide({
    name: "store.get-256MiB",
    unit: "MiB/s",
    samples: cepa,
    peers,
    targets: [{ least: LEAST }, { least: 0.4, times: "nginx sendfile" }],
  });
}

async function dumpRate(repository: ResticRepository, file: string, address?: string): Promise<number> {
  const digest = address === undefined ? undefined : startDigest();
  let sizeBytes = 0;
  const seconds = await timed(() =>
    repository.dump(file, (piece) => {
      sizeBytes += piece.byteLength;
      digest?.update(piece);
    }),
  );
  return rateOf("restic", seconds, { sizeBytes, address: digest?.address() }, address);
}

async function catRate(helia: Helia, cid: string, address?: string): Promise<number> {
  let came: { readonly sizeBytes: number; readonly address: unknown } = { sizeBytes: 0, address: undefined };
  const seconds = await timed(async () => {
    came = await helia.cat(cid, address !== undefined);
  });
  return rateOf("Helia", seconds, came, address);
}

function rateOf(
  peer: string,
  seconds: number,
  came: { readonly sizeBytes: number; readonly address: unknown },
  address: string | undefined,
): number {
  if (came.sizeBytes !== SIZE_BYTES || came.address !== address) {
    throw new Error(`${peer} answered with ${came.sizeBytes} bytes, or with other ones`);
  }
  return SIZE_BYTES / MiB / seconds;
}
