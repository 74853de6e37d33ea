/**
 * Memory of the data cell while one large object is put and 256 slow readers each ask for ranges of another one.
 *
 * What is put is made as it is sent. A reader takes `SIP_BYTES` and stops until the next sip, so that its answer is always
 * under way. Without volumes first, then with six.
 */
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { statfsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { openCache } from "#bench/cache.ts";
import type { Measurement } from "#bench/measurement.ts";
import { residentBytes } from "#bench/process-figures.ts";
import { dataPid, type RunningNode, startNode } from "#bench/running-node.ts";
import { putStream } from "#cli/http.ts";
import { parseFacts } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";

const READERS = 256;
const READ_OBJECT_BYTES = 64 * MiB;
const SIP_BYTES = 128 * KiB;
/** 640 KiB a second for each reader, above the slowest pace that the gateway allows. */
const SIP_EVERY_MS = 200;
const SAMPLE_EVERY_MS = 100;
/** `storage.writeQuotaBytes`, `gateway.writeBytesMax` and `gateway.readBytesMax`: what may be reserved at once. */
const RESERVED_BYTES = (96 + 32 + 192) * MiB;
/** What V8 adds to a cell under load (decision 7), code of the paths that were not taken at rest, and sockets. */
const WORKING_BYTES = 96 * MiB;

export async function* benchHeldMemory(sizesGib: readonly number[]): AsyncGenerator<Measurement> {
  for (const gib of sizesGib) yield* benchObject(gib);
}

async function* benchObject(gib: number): AsyncGenerator<Measurement> {
  for (const volumes of [0, 6]) {
    const cache = openCache();
    const { bavail, bsize } = statfsSync(cache);
    // Shards of 4+2 take half as much again.
    const neededBytes = gib * GiB * (volumes === 0 ? 1 : 1.6) + 2 * GiB;
    if (bavail * bsize < neededBytes) throw new Error(`${gib} GiB need ${neededBytes} free bytes`);
    await using node = await startNode(cache, { volumes });
    yield* held(node, gib, `${volumes === 0 ? "home" : `${volumes}-volumes`}-${gib}GiB`);
  }
}

async function* held(node: RunningNode, gib: number, layout: string): AsyncGenerator<Measurement> {
  const sizeBytes = Math.round(gib * GiB);
  const pid = await dataPid(node);
  await pause(3000);
  const restBytes = residentBytes(pid);
  const address = await putMade(node, READ_OBJECT_BYTES);
  const stop = new AbortController();
  const samples: number[] = [];
  const sampling = sample(pid, samples, stop.signal);
  const readers = Array.from({ length: READERS }, (_, at) => read(node.port, address, at, stop.signal));
  const startedMs = performance.now();
  await putMade(node, sizeBytes);
  const seconds = (performance.now() - startedMs) / 1000;
  stop.abort();
  await sampling;
  const readBytes = (await Promise.all(readers)).reduce((sum, one) => sum + one, 0);

  const max = Math.max(...samples);
  const boundBytes = restBytes + RESERVED_BYTES + WORKING_BYTES;
  const target = `≤ ${Math.round(boundBytes / MiB)} MiB`;
  yield { name: `memory.rest-${layout}`, value: restBytes / MiB, unit: "MiB" };
  yield { name: `memory.held-max-${layout}`, value: max / MiB, unit: "MiB", target, met: max <= boundBytes };
  yield { name: `memory.held-mean-${layout}`, value: mean(samples) / MiB, unit: "MiB" };
  yield { name: `memory.put-${layout}`, value: sizeBytes / MiB / seconds, unit: "MiB/s" };
  yield { name: `memory.read-${layout}`, value: readBytes / MiB / seconds, unit: "MiB/s" };
}

function mean(samples: readonly number[]): number {
  return samples.reduce((sum, one) => sum + one, 0) / samples.length;
}

async function sample(pid: number, samples: number[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    samples.push(residentBytes(pid));
    await pause(SAMPLE_EVERY_MS);
  }
}

async function putMade(node: RunningNode, sizeBytes: number): Promise<string> {
  const answer = must(await putStream(`${node.url}/put`, { chunks: made(sizeBytes), sizeBytes }), "putting");
  const address = parseFacts(answer.body)?.address;
  if (address === undefined) throw new Error(`the put was answered ${answer.status}: ${answer.body}`);
  return address;
}

async function* made(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < sizeBytes; done += MiB) {
    yield randomFillSync(Buffer.allocUnsafe(Math.min(MiB, sizeBytes - done)));
  }
}

/** One answer after another on connections of its own; answers with how many bytes came. */
async function read(port: number, address: string, reader: number, signal: AbortSignal): Promise<number> {
  let readBytes = 0;
  while (!signal.aborted) {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const from = (reader * 199 * KiB) % (READ_OBJECT_BYTES / 2);
    const range = `bytes=${from}-${from + READ_OBJECT_BYTES / 2 - 1}`;
    socket.write(
      `GET /o/${address} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nrange: ${range}\r\nconnection: close\r\n\r\n`,
    );
    readBytes += await sip(socket, signal);
  }
  return readBytes;
}

async function sip(socket: Socket, signal: AbortSignal): Promise<number> {
  socket.pause();
  while (!signal.aborted && !socket.destroyed && !socket.readableEnded) {
    await pause(SIP_EVERY_MS);
    socket.read(Math.min(SIP_BYTES, socket.readableLength)) ?? socket.read(0);
  }
  const { bytesRead } = socket;
  socket.destroy();
  return bytesRead;
}
