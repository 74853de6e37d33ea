/**
 * A file of the spill, read at its plainest: a batch may begin at any byte, and counts if it is whole and its number is larger
 * than the last. What the reader of segments is held against, which looks for batches in fewer places.
 */
import { crc32 } from "node:zlib";

const HEADER = 32;
const PAYLOAD_MAX = 8 * 1024 * 1024;

interface Model {
  readonly records: readonly string[];
  readonly damagedBytes: number;
  readonly tornBytes: number;
}

interface Header {
  readonly sequence: number;
  readonly count: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

export function segmentModel(salt: number, bytes: Uint8Array): Model {
  const view = Buffer.from(bytes);
  const records: string[] = [];
  let [at, sequence, damagedBytes] = [0, 0, 0];
  while (at < view.length) {
    const header = headerAt(salt, view, at);
    const found = header !== undefined && header.sequence > sequence ? recordsOf(header, view, at) : undefined;
    if (header !== undefined && found !== undefined) {
      records.push(...found);
      sequence = header.sequence;
      at += HEADER + header.payloadBytes;
      continue;
    }
    // A batch whose header holds was there: what comes after it has a larger number than it.
    const past = header !== undefined && header.sequence > sequence ? header.sequence : sequence;
    let next = at + 1;
    while (next < view.length && (headerAt(salt, view, next)?.sequence ?? 0) <= past) next += 1;
    if (next >= view.length) break;
    damagedBytes += next - at;
    at = next;
  }
  return { records, damagedBytes, tornBytes: view.length - at };
}

function headerAt(salt: number, view: Buffer, at: number): Header | undefined {
  const front = view.subarray(at, at + HEADER);
  if (front.length < HEADER || front.toString("latin1", 0, 4) !== "CJB1") return undefined;
  if (front.readUInt32BE(24) !== salt || front.readUInt32BE(28) !== crc32(front.subarray(0, 28))) return undefined;
  const [count, payloadBytes, payloadCrc] = [front.readUInt32BE(4), front.readUInt32BE(8), front.readUInt32BE(12)];
  return payloadBytes > PAYLOAD_MAX
    ? undefined
    : { sequence: Number(front.readBigUInt64BE(16)), count, payloadBytes, payloadCrc };
}

function recordsOf(
  { count, payloadBytes, payloadCrc }: Header,
  view: Buffer,
  at: number,
): readonly string[] | undefined {
  let rest = view.subarray(at + HEADER, at + HEADER + payloadBytes);
  if (rest.length !== payloadBytes || crc32(rest) !== payloadCrc) return undefined;
  const records: string[] = [];
  while (rest.length >= 4) {
    const end = 4 + rest.readUInt32BE(0);
    if (end > rest.length) return undefined;
    records.push(rest.toString("hex", 4, end));
    rest = rest.subarray(end);
  }
  return rest.length === 0 && records.length === count ? records : undefined;
}
