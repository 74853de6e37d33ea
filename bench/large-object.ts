/** PUT and GET of 1 GiB, beside `dd conv=fsync` for the disk and nginx for the network. */
import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { HttpConnection } from "#bench/http-connection.ts";
import { beside, type Measurement, median } from "#bench/measurement.ts";
import { startNginx } from "#bench/nginx.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { startDigest } from "#cli/digest.ts";
import { putStream } from "#cli/http.ts";
import { parseFacts } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
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
      const digest = writeRandom(file);
      copies.push(await diskRate(file, join(cache, "dd-copy")));
      const put = await putRate(node, file);
      if (put.address !== digest) throw new Error(`the node says ${put.address}, the file is ${digest}`);
      puts.push(put.rate);
      address = put.address;
    }
    const dd = "dd conv=fsync";
    yield beside({ name: "store.put-1GiB", value: median(puts), unit: "MiB/s" }, dd, median(copies));

    await using nginx = await startNginx(cache, served);
    await getRate(node.port, `/o/${address}`, address);
    const gets: number[] = [];
    const peers: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      gets.push(await getRate(node.port, `/o/${address}`));
      if (nginx !== undefined) peers.push(await getRate(nginx.port, "/object"));
    }
    const peer = peers.length === 0 ? undefined : median(peers);
    yield beside({ name: "store.get-1GiB", value: median(gets), unit: "MiB/s" }, "nginx sendfile", peer);
  } finally {
    rmSync(served, { recursive: true, force: true });
  }
}

function writeRandom(path: string): string {
  const digest = startDigest();
  const piece = Buffer.allocUnsafe(4 * MiB);
  const descriptor = openSync(path, "w");
  for (let written = 0; written < SIZE_BYTES; written += piece.length) {
    randomFillSync(piece);
    digest.update(piece);
    writeSync(descriptor, piece);
  }
  closeSync(descriptor);
  return digest.address();
}

async function diskRate(from: string, to: string): Promise<number> {
  const seconds = await timed(() => promisify(execFile)("dd", [`if=${from}`, `of=${to}`, "bs=1M", "conv=fsync"]));
  rmSync(to, { force: true });
  return SIZE_BYTES / MiB / seconds;
}

async function putRate(node: RunningNode, file: string): Promise<{ readonly rate: number; readonly address: string }> {
  let address = "";
  const seconds = await timed(async () => {
    const chunks = createReadStream(file, { highWaterMark: 1 * MiB });
    const answer = must(await putStream(`${node.url}/put`, { chunks, sizeBytes: SIZE_BYTES }), "putting 1 GiB");
    address = parseFacts(answer.body)?.address ?? `nothing (${answer.status}: ${answer.body})`;
  });
  return { rate: SIZE_BYTES / MiB / seconds, address };
}

/** With `address` the bytes are hashed and compared too: once, before what is timed. */
async function getRate(port: number, path: string, address?: string): Promise<number> {
  const connection = await HttpConnection.open(port);
  const digest = address === undefined ? undefined : startDigest();
  let doneBytes = 0;
  const seconds = await timed(async () => {
    const { status } = await connection.request(`GET ${path} HTTP/1.1`, undefined, (piece) => {
      doneBytes += piece.byteLength;
      digest?.update(piece);
    });
    if (status !== 200 || doneBytes !== SIZE_BYTES) throw new Error(`get answered ${status} with ${doneBytes} bytes`);
  });
  connection.close();
  if (digest !== undefined && digest.address() !== address) throw new Error(`got ${digest.address()}, not ${address}`);
  return SIZE_BYTES / MiB / seconds;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}
