/**
 * Where bytes of a store decay: in one of its records, whichever it is. The bytes around records are written twice, or found
 * again from the records; what is lost with a record is what a run has to tell.
 */
import {
  decodeHeader,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  type RecordHeader,
  recordEnd,
} from "#actors/storage/packs/record.ts";
import type { Random } from "#runtime/random.ts";

/** A bit of a record that flips, and what the record held. */
export interface Decay {
  /** The file of it. */
  readonly path: string;
  readonly position: number;
  /** With one bit set: the one that flips. */
  readonly mask: number;
  readonly kind: "chunk" | "manifest";
  /** As it was. */
  readonly payload: Uint8Array;
}

interface Found {
  readonly position: number;
  readonly header: RecordHeader;
}

/** Of so many decays one is in front of the payload, where most bytes are not. */
const FRONT_ONE_IN = 4;

/** In one of these packs, by path; undefined where none has a record. Shards are passed over: no object can be told from one. */
export function anyDecay(packs: ReadonlyMap<string, Uint8Array>, random: Random): Decay | undefined {
  const all = [...packs].flatMap(([path, bytes]) => recordsIn(bytes).map((found) => ({ path, bytes, ...found })));
  const chosen = all[random.below(Math.max(1, all.length))];
  if (chosen === undefined) return undefined;
  const { path, bytes, header, position } = chosen;
  const { kind, payloadOffset, payloadBytes } = header;
  if (kind === "shard") return undefined;
  const isInFront = payloadBytes === 0 || random.below(FRONT_ONE_IN) === 0;
  const offset = isInFront ? random.below(payloadOffset) : payloadOffset + random.below(payloadBytes);
  const payload = bytes.slice(position + payloadOffset, position + payloadOffset + payloadBytes);
  return { path, position: position + offset, mask: 1 << random.below(8), kind, payload };
}

function recordsIn(bytes: Uint8Array): readonly Found[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Found[] = [];
  for (let at = view.indexOf(RECORD_MAGIC); at >= 0; ) {
    const header = decodeHeader(view.subarray(at, at + RECORD_HEADER_BYTES), undefined);
    const end = header === undefined ? view.length + 1 : recordEnd(at, header);
    const isWhole = header !== undefined && at + header.payloadOffset + header.payloadBytes <= view.length;
    if (isWhole) found.push({ position: at, header });
    at = view.indexOf(RECORD_MAGIC, isWhole ? end : at + 1);
  }
  return found;
}
