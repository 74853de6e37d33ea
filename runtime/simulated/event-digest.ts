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
/** Characters that wait for the hash. */
const PENDING_LENGTH_MAX = 32_768;

/** Collects events until `hex`: what comes later is no part of the run. */
export class EventDigest {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  /** Lines that the hash has not seen yet: one update of many costs what one of a single line does. */
  #pending = "";
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
    this.#pending += `${line}\n`;
    if (this.#pending.length > PENDING_LENGTH_MAX) this.#update();
    this.#count += 1;
    if (this.#lines.length < EVENT_LINES_MAX) this.#lines.push(line);
  }

  /** SHA-256 of all events, 64 hex digits. */
  hex(): string {
    this.#update();
    this.#hex ??= this.#hash.digest("hex");
    return this.#hex;
  }

  #update(): void {
    if (this.#pending !== "") this.#hash.update(this.#pending);
    this.#pending = "";
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
  return typeof value === "string" ? value : (jsonOf(value) ?? "-");
}

/** As `JSON.stringify` writes it, which would ask for a copy of everything in which bytes are told. Undefined is left out. */
function jsonOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "object":
      return value === null ? "null" : jsonOfObject(value);
    case "bigint":
      return `"${value}n"`;
    case "function":
    case "symbol":
      return `"${typeof value}"`;
    default:
      return JSON.stringify(value);
  }
}

function jsonOfObject(value: object): string {
  if (value instanceof Uint8Array) return `"${value.byteLength} bytes ${crc32(value).toString(16)}"`;
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  if (Array.isArray(value)) return `[${Array.from(value, (member) => jsonOf(member) ?? "null").join(",")}]`;
  let members = "";
  for (const name of Object.keys(value)) {
    const member = jsonOf(Reflect.get(value, name));
    if (member !== undefined) members += `${members === "" ? "" : ","}${JSON.stringify(name)}:${member}`;
  }
  return `{${members}}`;
}
