/** A large object to a node and back, timed: only what arrived whole counts. */
import { randomFillSync } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { HttpConnection } from "#bench/http-connection.ts";
import type { RunningNode } from "#bench/running-node.ts";
import { startDigest } from "#cli/digest.ts";
import { putStream } from "#cli/http.ts";
import { parseFacts } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** New bytes; answers with their address. */
export function writeRandom(path: string, sizeBytes: number): string {
  const digest = startDigest();
  const piece = Buffer.allocUnsafe(4 * MiB);
  const descriptor = openSync(path, "w");
  for (let written = 0; written < sizeBytes; written += piece.length) {
    randomFillSync(piece);
    digest.update(piece);
    writeSync(descriptor, piece);
  }
  closeSync(descriptor);
  return digest.address();
}

/** MiB/s. */
export async function putRate(
  node: Pick<RunningNode, "url">,
  file: string,
  sizeBytes: number,
): Promise<{ readonly rate: number; readonly address: string }> {
  let address = "";
  const seconds = await timed(async () => {
    const chunks = createReadStream(file, { highWaterMark: 1 * MiB });
    const answer = must(await putStream(`${node.url}/put`, { chunks, sizeBytes }), "putting");
    address = parseFacts(answer.body)?.address ?? `nothing (${answer.status}: ${answer.body})`;
  });
  return { rate: sizeBytes / MiB / seconds, address };
}

/** MiB/s. With `address` the bytes are hashed and compared too: once, before what is timed. */
export async function getRate(port: number, path: string, sizeBytes: number, address?: string): Promise<number> {
  const connection = await HttpConnection.open(port);
  const digest = address === undefined ? undefined : startDigest();
  let doneBytes = 0;
  const seconds = await timed(async () => {
    const { status } = await connection.request(`GET ${path} HTTP/1.1`, undefined, (piece) => {
      doneBytes += piece.byteLength;
      digest?.update(piece);
    });
    if (status !== 200 || doneBytes !== sizeBytes) throw new Error(`get answered ${status} with ${doneBytes} bytes`);
  });
  connection.close();
  if (digest !== undefined && digest.address() !== address) throw new Error(`got ${digest.address()}, not ${address}`);
  return sizeBytes / MiB / seconds;
}

/** Seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}
