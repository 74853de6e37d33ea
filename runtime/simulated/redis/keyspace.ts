/**
 * What a simulated Redis holds: plain data, so that all of it can be copied as it is.
 *
 * Names and keys are bytes there. Here they are texts with a character for each byte, which compare as the bytes do.
 */

export interface Keyspace {
  readonly keys: Map<string, Held>;
}

interface Held {
  value: Value;
  /** By the wall. */
  expiresMs: number | undefined;
}

export type Value = TextValue | StreamValue;

export interface TextValue {
  readonly kind: "text";
  readonly bytes: Uint8Array;
}

export interface StreamValue {
  readonly kind: "stream";
  entries: Entry[];
  lastId: bigint;
  /** Ever added, those that are gone included. */
  addedCount: number;
  /** The largest that was deleted by its id; trimming leaves no gaps and does not count. */
  deletedId: bigint;
  readonly groups: Map<string, Group>;
}

export interface Entry {
  readonly id: bigint;
  /** Names and values in turn. */
  readonly fields: readonly Uint8Array[];
}

export interface Group {
  lastId: bigint;
  /** Entries up to `lastId` ever added; undefined where that is not known. */
  readCount: number | undefined;
  pending: Pending[];
  readonly consumers: Map<string, Consumer>;
}

export interface Pending {
  readonly id: bigint;
  consumer: string;
  deliveredMs: number;
  deliveredCount: number;
}

export interface Consumer {
  seenMs: number;
}

export function findValue({ keys }: Keyspace, key: string, nowMs: number): Value | undefined {
  const held = keys.get(key);
  if (held === undefined) return undefined;
  if (held.expiresMs === undefined || held.expiresMs > nowMs) return held.value;
  keys.delete(key);
  return undefined;
}

/** When it will be gone; undefined where it stays, or is not there. */
export function expiryOf({ keys }: Keyspace, key: string): number | undefined {
  return keys.get(key)?.expiresMs;
}

export function putValue({ keys }: Keyspace, key: string, value: Value, expiresMs?: number): void {
  keys.set(key, { value, expiresMs });
}

/** Of a key that is there. */
export function setExpiry(keyspace: Keyspace, key: string, expiresMs: number, nowMs: number): void {
  const held = keyspace.keys.get(key);
  if (held === undefined) return;
  if (expiresMs <= nowMs) keyspace.keys.delete(key);
  else held.expiresMs = expiresMs;
}

export function newStream(): StreamValue {
  return { kind: "stream", entries: [], lastId: 0n, addedCount: 0, deletedId: 0n, groups: new Map() };
}
