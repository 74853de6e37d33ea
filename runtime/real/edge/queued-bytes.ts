/**
 * How much the kernel still holds for each TCP peer, from the tables that Linux shows in `/proc`.
 *
 * Only asked about connections that are behind, and read at most once a second for all of them. On other systems the
 * tables do not exist and the answer is undefined.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { Clock } from "#runtime/clock.ts";

/** A table that was read this long ago is read again, ms. */
const freshMs = 1000;
const tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

export class QueuedBytes {
  readonly #clock: Clock;
  #reading: Promise<ReadonlyMap<string, number>> | undefined;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes sent and not acknowledged, or not sent yet; undefined when the system does not say. */
  async of(socket: Socket): Promise<number | undefined> {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    if (localAddress === undefined || remoteAddress === undefined) return undefined;
    const nowMs = this.#clock.nowMs();
    if (this.#reading === undefined || nowMs - this.#readMs >= freshMs) {
      this.#readMs = nowMs;
      this.#reading = readTables();
    }
    const queues = await this.#reading;
    return queues.get(`${endpoint(localAddress, localPort)} ${endpoint(remoteAddress, remotePort)}`);
  }
}

async function readTables(): Promise<ReadonlyMap<string, number>> {
  const queues = new Map<string, number>();
  for (const table of tables) {
    const text = await readFile(table, "latin1").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const [, local, remote, , lengths] = line.trim().split(/\s+/);
      if (local === undefined || remote === undefined || lengths === undefined) continue;
      queues.set(`${local} ${remote}`, Number.parseInt(lengths.split(":")[0] ?? "", 16));
    }
  }
  return queues;
}

/** As the tables spell it: each 32-bit word in the machine's byte order, little-endian on what Cepa runs on. */
function endpoint(address: string, port: number | undefined): string {
  const words = address.includes(":") ? bytesOfV6(address) : bytesOfV4(address);
  let text = "";
  for (let at = 0; at < words.length; at += 4)
    text += words
      .slice(at, at + 4)
      .reverse()
      .map(hexByte)
      .join("");
  return `${text}:${(port ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

function bytesOfV4(address: string): number[] {
  return address.split(".").map(Number);
}

function bytesOfV6(address: string): number[] {
  const [bare = ""] = address.split("%");
  const dotted = bare.lastIndexOf(".") >= 0 ? bare.slice(bare.lastIndexOf(":") + 1) : "";
  const tail = dotted === "" ? [] : bytesOfV4(dotted);
  const groups = dotted === "" ? bare : bare.slice(0, bare.lastIndexOf(":"));
  const [front = "", back = ""] = groups.split("::");
  const head = bytesOfGroups(front);
  const rest = [...bytesOfGroups(back), ...tail];
  return [...head, ...new Array<number>(Math.max(0, 16 - head.length - rest.length)).fill(0), ...rest];
}

function bytesOfGroups(groups: string): number[] {
  return groups.split(":").flatMap((group) => {
    if (group === "") return [];
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 0xff];
  });
}
