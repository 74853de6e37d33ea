/**
 * What the journal of names says, one entry after another (`specs/formats/names.md`): DAG-CBOR, `[1, record]` for a record
 * that follows on the one before, `[2, record, record]` for two that contradict each other.
 */
import { decodeDag, encodeDag } from "#actors/domain/dag.ts";
import { decodeNameRecord, type NameRecord } from "#actors/domain/name-record.ts";
import type { Evidence } from "#actors/index/protocol.ts";

export type NameEntry =
  | { readonly kind: "record"; readonly record: NameRecord }
  | { readonly kind: "evidence"; readonly evidence: Evidence };

const RECORD = 1;
const EVIDENCE = 2;

export function encodeNameEntry(entry: NameEntry): Uint8Array {
  if (entry.kind === "record") return encodeDag([RECORD, entry.record.bytes]);
  const [one, other] = entry.evidence;
  return encodeDag([EVIDENCE, one.bytes, other.bytes]);
}

/** Undefined for what this version did not write. Signatures were verified before; the journal has sums of its own. */
export function decodeNameEntry(bytes: Uint8Array): NameEntry | undefined {
  const value = decodeDag(bytes)?.value;
  if (!Array.isArray(value)) return undefined;
  const [kind, ...parts] = value as readonly unknown[];
  const [one, other, ...more] = parts.map(recordIn);
  if (one === undefined || more.length > 0) return undefined;
  if (kind === RECORD && parts.length === 1) return { kind: "record", record: one };
  return kind === EVIDENCE && other !== undefined ? { kind: "evidence", evidence: [one, other] } : undefined;
}

function recordIn(part: unknown): NameRecord | undefined {
  if (!(part instanceof Uint8Array)) return undefined;
  // A copy: the bytes may be a view into a large buffer.
  const decoded = decodeNameRecord(new Uint8Array(part));
  return decoded.ok ? decoded.value : undefined;
}
