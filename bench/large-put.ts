/**
 * 1 GiB that is on the disk when it is answered, beside `dd conv=fsync`, `restic backup` and Helia's import.
 *
 * All read the same file, which is in the page cache, and before each arm the disk has nothing left to write. Helia syncs
 * nothing: it is timed as it is, and with a `sync` of the file system behind it.
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Helia } from "#bench/helia/helia.ts";
import type { Measurement } from "#bench/measurement.ts";
import type { StorePeers } from "#bench/peers-of-store.ts";
import type { Compression, Restic } from "#bench/restic.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { sideBySide } from "#bench/side-by-side.ts";
import { syncDisk } from "#bench/sync-disk.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { putRate, timed, writeRandom } from "#bench/transfer.ts";
import { takeTurns } from "#bench/turns.ts";
import { GiB, MiB } from "#runtime/units.ts";

const SIZE_BYTES = 1 * GiB;
const ROUNDS = 3;

export async function* benchLargePut(
  node: RunningNode,
  cache: string,
  { restic, helia }: StorePeers,
): AsyncGenerator<Measurement> {
  using folder = new TemporaryFolder(cache, "large-put-");
  const file = join(folder.path, "object");
  let address = "";
  const { cepa = [], ...peers } = await takeTurns(
    {
      cepa: async () => {
        await syncDisk(cache);
        const put = await putRate(node, file, SIZE_BYTES);
        if (put.address !== address) throw new Error(`the node says ${put.address}, the file is ${address}`);
        return put.rate;
      },
      "dd conv=fsync": () => copyRate(file, join(folder.path, "copy"), cache),
      "restic backup": restic && (() => backupRate(restic, "auto", file, cache)),
      "restic backup, uncompressed": restic && (() => backupRate(restic, "off", file, cache)),
      "Helia, not synced": helia && (() => importRate(helia, file, address, async () => undefined, cache)),
      "Helia, then sync": helia && (() => importRate(helia, file, address, () => syncDisk(cache), cache)),
    },
    ROUNDS,
    // New bytes for every round, or the node would have nothing to write.
    async () => {
      address = writeRandom(file, SIZE_BYTES);
    },
  );
  yield* sideBySide({
    name: "store.put-1GiB",
    unit: "MiB/s",
    samples: cepa,
    peers,
    targets: [{ least: 300 }, { least: 0.4, times: "dd conv=fsync" }, { least: 1.5, times: "restic backup" }],
  });
}

async function copyRate(file: string, copy: string, cache: string): Promise<number> {
  await syncDisk(cache);
  const seconds = await timed(() => promisify(execFile)("dd", [`if=${file}`, `of=${copy}`, "bs=1M", "conv=fsync"]));
  rmSync(copy, { force: true });
  return SIZE_BYTES / MiB / seconds;
}

async function backupRate(restic: Restic, compression: Compression, file: string, cache: string): Promise<number> {
  using repository = await restic.open(compression);
  await syncDisk(cache);
  return SIZE_BYTES / MiB / (await timed(() => repository.backup(file)));
}

/** What it holds is compared with the file, when the time is over. */
async function importRate(
  start: () => Promise<Helia>,
  file: string,
  address: string,
  sync: () => Promise<void>,
  cache: string,
): Promise<number> {
  await using helia = await start();
  await syncDisk(cache);
  let cid = "";
  const seconds = await timed(async () => {
    cid = await helia.import(file);
    await sync();
  });
  const held = await helia.cat(cid, true);
  if (held.address !== address) throw new Error(`Helia holds ${held.address}, the file is ${address}`);
  return SIZE_BYTES / MiB / seconds;
}
