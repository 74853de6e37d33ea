/**
 * What happened in a simulation, as one number: every observable event in its order, digested.
 *
 * Two runs of one seed have the same digest, or something in them was not a function of the seed. The lines are kept beside
 * it, as far as there is room, so that the first difference can be shown.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** Lines kept; later ones are digested only. */
export const EVENT_LINES_MAX = 100_000;

/** Collects events until `hex`: what comes later is no part of the run. */
export class EventDigest {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  #count = 0;
  #hex: string | undefined;

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** The first `EVENT_LINES_MAX` events, one line each. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** `atMs` is simulated time; `details` are told by `lineOf`. Nothing is added after `hex`. */
  add(atMs: number, kind: string, ...details: readonly unknown[]): void {
    if (this.#hex !== undefined) return;
    const line = [atMs, kind, ...details.map(lineOf)].join(" ");
    this.#hash.update(`${line}\n`);
    this.#count += 1;
    if (this.#lines.length < EVENT_LINES_MAX) this.#lines.push(line);
  }

  /** SHA-256 of all events, 64 hex digits. */
  hex(): string {
    this.#hex ??= this.#hash.digest("hex");
    return this.#hex;
  }
}

/** Where two runs part: the events around it, for people. */
export function firstDifference(one: EventDigest, other: EventDigest): string {
  const at = one.lines.findIndex((line, index) => line !== other.lines[index]);
  const index = at < 0 ? Math.min(one.lines.length, other.lines.length) : at;
  const before = one.lines.slice(Math.max(0, index - 5), index);
  return [
    ...before.map((line) => `  ${line}`),
    `- ${one.lines[index] ?? "nothing more"}`,
    `+ ${other.lines[index] ?? "nothing more"}`,
  ].join("\n");
}

/** One line about a value: bytes by size and checksum, errors by their message, since stacks name places in files. */
export function lineOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(plain(value)) ?? "-");
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `${value.byteLength} bytes ${crc32(value).toString(16)}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || typeof value === "symbol") return typeof value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
