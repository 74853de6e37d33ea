/** How long a node takes from its command to the first put that it makes durable, and until its index knows everything. */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { HttpConnection } from "#bench/http-connection.ts";
import { type NodeOptions, type RunningNode, startOn } from "#bench/running-node.ts";
import { factsIn, getText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { KiB, minute, second } from "#runtime/units.ts";

const TIMEOUT_MS: number = 1 * minute;
/** Longest time that a start may take. */
const GIVE_UP_MS: number = 30 * minute;
const LOOK_MS = 10;

export interface StartTimes {
  /** It listens. */
  readonly readySeconds: number;
  /** It has made a put durable. */
  readonly putSeconds: number;
  /** Catalog and index are whole. */
  readonly wholeSeconds: number;
}

export async function timedStart(
  data: string,
  options: NodeOptions,
): Promise<{ node: RunningNode; times: StartTimes }> {
  const beganMs = performance.now();
  const elapsed = (): number => (performance.now() - beganMs) / second;
  const node = await startOn(data, options);
  try {
    const readySeconds = elapsed();
    const body = randomBytes(4 * KiB);
    const isWithin = (): boolean => elapsed() * second < GIVE_UP_MS;
    while (isWithin() && !(await accepts(node.port, body))) await pause(LOOK_MS);
    const putSeconds = elapsed();
    while (isWithin() && !(await isWhole(node.url))) await pause(LOOK_MS);
    if (!isWithin()) throw new Error(`the store was not whole within ${GIVE_UP_MS} ms`);
    return { node, times: { readySeconds, putSeconds, wholeSeconds: elapsed() } };
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

async function accepts(port: number, body: Uint8Array): Promise<boolean> {
  const connection = await HttpConnection.open(port);
  try {
    const { status, body: answer } = await connection.request("PUT /put HTTP/1.1", body);
    const isRefused = status === 503;
    if (status !== 201 && !isRefused) throw new Error(`a put was answered ${status}: ${answer}`);
    return !isRefused;
  } finally {
    connection.close();
  }
}

async function isWhole(url: string): Promise<boolean> {
  const { store } = must(factsIn(await getText(`${url}/status`, TIMEOUT_MS), 200), "asking for the status");
  const parts = isRecord(store) ? [store["storage"], store["index"]] : [];
  return parts.length === 2 && parts.every((part) => isRecord(part) && part["rebuilding"] === undefined);
}
