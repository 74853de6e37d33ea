/**
 * What of an event tells it from another one of the same id, in 16 bytes: its subject, its time, its tags and its payload,
 * character by character. Who sent it, and when and where it was read, is not among that: the same event may come twice.
 *
 * 128 bits suffice. Whoever spends 2^64 hashes has two events of one id that pass for the same, both of his own making.
 */
import { hash } from "node:crypto";
import type { EventRow } from "#actors/ingest/event-row.ts";

const HEX_LENGTH = 32;

export function digestOf({ subjectId, tsNs, tags, payload }: EventRow): Buffer {
  // JSON has no line feed outside white space: no part can be mistaken for a piece of another.
  const pairs = JSON.stringify(tags.map(({ key, value }) => [key, value]));
  // By way of a text: bytes as such come with memory of their own, which costs more than to hash an event.
  const hex = hash("sha256", `${subjectId}\n${tsNs}\n${pairs}\n${payload}`, "hex");
  return Buffer.from(hex.slice(0, HEX_LENGTH), "hex");
}
