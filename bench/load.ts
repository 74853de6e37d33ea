/**
 * The load generator: many connections, each with one small request after another, in a process of its own so that it
 * shares no event loop with what it measures.
 *
 * Started by `bench/small-objects.ts` with its orders as JSON in its argument; prints one line of JSON. An answer counts
 * when its status and length are right; one that is not ends the run. The digest is compared for one answer in
 * `DIGEST_EVERY`: on two cores what the generator hashes is taken from what it measures.
 */
import { randomFillSync } from "node:crypto";
import { HttpConnection } from "#bench/http-connection.ts";
import { percentile } from "#bench/measurement.ts";
import { startDigest } from "#cli/digest.ts";

export interface Orders {
  readonly kind: "put" | "get";
  readonly port: number;
  readonly connectionCount: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
  /** For `get`: path and address of every object that may be asked for. */
  readonly objects: readonly { readonly path: string; readonly address: string }[];
}

export interface LoadResult {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** The first addresses that were put, for a `get` later. */
  readonly addresses: readonly string[];
}

const ADDRESSES_MAX = 2000;
/** A power of two. */
const DIGEST_EVERY = 64;

if (process.argv[2] !== undefined) {
  const result = await generate(JSON.parse(process.argv[2]) as Orders);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function generate(orders: Orders): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const addresses: string[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + orders.durationMs;

  const work = async (index: number): Promise<void> => {
    const connection = await HttpConnection.open(orders.port);
    const request = orders.kind === "put" ? putter(orders, addresses) : getter(orders, index);
    while (performance.now() < endMs) {
      const beganMs = performance.now();
      await request(connection);
      latenciesMs.push(performance.now() - beganMs);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: orders.connectionCount }, (_, index) => work(index)));

  return {
    count: latenciesMs.length,
    perSecond: (latenciesMs.length * 1000) / (performance.now() - startedMs),
    p50Ms: percentile(latenciesMs, 50),
    p95Ms: percentile(latenciesMs, 95),
    p99Ms: percentile(latenciesMs, 99),
    addresses,
  };
}

type Request = (connection: HttpConnection) => Promise<void>;

/** Every body is new: nothing is deduplicated. */
function putter({ sizeBytes }: Orders, addresses: string[]): Request {
  const body = randomFillSync(Buffer.allocUnsafe(sizeBytes));
  let number = 0;
  return async (connection) => {
    number += 1;
    body.writeUInt32LE(number, 0);
    const answer = await connection.request("PUT /put HTTP/1.1", body);
    if (answer.status !== 201) throw new Error(`put answered ${answer.status}`);
    if (number % DIGEST_EVERY !== 1 && addresses.length >= ADDRESSES_MAX) return;
    const address = addressOf(body);
    if (!answer.body.includes(address)) throw new Error("put answered with another address");
    if (addresses.length < ADDRESSES_MAX) addresses.push(address);
  };
}

function getter({ objects, sizeBytes }: Orders, index: number): Request {
  let next = index * 31;
  return async (connection) => {
    const object = objects[next % objects.length];
    next += 1;
    if (object === undefined) throw new Error("there is nothing to get");
    const answer = await connection.request(`GET ${object.path} HTTP/1.1`);
    const isRight = answer.status === 200 && answer.body.length === sizeBytes;
    if (!isRight || (next % DIGEST_EVERY === 0 && addressOf(answer.body) !== object.address)) {
      throw new Error(`get answered ${answer.status} with other bytes`);
    }
  };
}

function addressOf(bytes: Uint8Array): string {
  const digest = startDigest();
  digest.update(bytes);
  return digest.address();
}
