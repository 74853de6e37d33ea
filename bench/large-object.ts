/** PUT and GET of 1 GiB, beside `dd conv=fsync` for the disk and nginx for the network. */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import { startNginx } from "#bench/nginx.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { getRate, putRate, timed, writeRandom } from "#bench/transfer.ts";
import { GiB, MiB } from "#runtime/units.ts";

const SIZE_BYTES = 1 * GiB;
const RUNS = 3;

export async function* benchLargeObject(node: RunningNode, cache: string): AsyncGenerator<Measurement> {
  const served = join(cache, "served-large");
  await mkdir(served, { recursive: true });
  const file = join(served, "object");
  try {
    const puts: number[] = [];
    const copies: number[] = [];
    let address = "";
    for (let run = 0; run < RUNS; run += 1) {
      // New bytes for every run, or the node would have nothing to write.
      const digest = writeRandom(file, SIZE_BYTES);
      copies.push(await diskRate(file, join(cache, "dd-copy")));
      const put = await putRate(node, file, SIZE_BYTES);
      if (put.address !== digest) throw new Error(`the node says ${put.address}, the file is ${digest}`);
      puts.push(put.rate);
      address = put.address;
    }
    const dd = "dd conv=fsync";
    yield beside({ name: "store.put-1GiB", value: median(puts), unit: "MiB/s" }, dd, median(copies));

    await using nginx = await startNginx(cache, served);
    await getRate(node.port, `/o/${address}`, SIZE_BYTES, address);
    const gets: number[] = [];
    const peers: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      gets.push(await getRate(node.port, `/o/${address}`, SIZE_BYTES));
      if (nginx !== undefined) peers.push(await getRate(nginx.port, "/object", SIZE_BYTES));
    }
    const peer = peers.length === 0 ? undefined : median(peers);
    yield beside({ name: "store.get-1GiB", value: median(gets), unit: "MiB/s" }, "nginx sendfile", peer);
  } finally {
    rmSync(served, { recursive: true, force: true });
  }
}

async function diskRate(from: string, to: string): Promise<number> {
  const seconds = await timed(() => promisify(execFile)("dd", [`if=${from}`, `of=${to}`, "bs=1M", "conv=fsync"]));
  rmSync(to, { force: true });
  return SIZE_BYTES / MiB / seconds;
}
