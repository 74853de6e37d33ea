/**
 * What is inside a frame: plain values as MessagePack, and beside them what MessagePack would copy or cannot hold.
 *
 * A direct member of a message that is a `ByteSource`, or a large `Uint8Array`, is taken out (`null` stays in its
 * place) and described by *patches*: the source travels as a stream, the bytes as they are, behind the body.
 *
 * Carried faithfully: JSON values, `undefined`, `bigint`, `Uint8Array` at any depth. Everything else is refused: instances
 * of other classes, functions, symbols, as keys too, circles, holes in arrays, a key `__proto__`.
 * Changed, as JSON changes it: the sign of zero, lone surrogates. Left out: named members of arrays, what no loop shows.
 */
import { addExtension, Unpackr } from "msgpackr";
import { type ByteSource, isByteSource } from "#runtime/byte-source.ts";
import { Defect, type Failure } from "#runtime/errors.ts";
import type { Frame } from "#runtime/link/frame.ts";
import { LINK_WHOLE_BYTES_MAX } from "#runtime/link/limits.ts";
import { Packer } from "#runtime/link/packer.ts";
import { KiB } from "#runtime/units.ts";

/** Smaller ones are copied into the body: cheaper than a part of their own. */
export const ATTACHMENT_BYTES_MIN: number = 16 * KiB;

/** What `decode` answers for bytes that are no value. */
export const MALFORMED: unique symbol = Symbol("malformed");

/** Extensions by which the library reads what no link carries: `e` errors, `s` sets, `t` arrays, `x` patterns, times, and references. */
const FOREIGN = [0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78, 0xff];
for (const type of FOREIGN) {
  addExtension({
    type,
    unpack: () => {
      throw new Defect("nobody sends it");
    },
  });
}

const packer = new Packer();
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true, useBigIntExtension: true });
/** One object for all calls: the library reads it before it returns. */
const range = { start: 0, end: 0 };

/** Undefined when the value holds what no link carries, or a getter that throws. */
export function encode(value: unknown): Uint8Array | undefined {
  try {
    return packer.pack(value);
  } catch {
    return undefined;
  }
}

/** A failure that travels alone. One that is not worth a frame, or that none carries, is cut to its code. */
export function encodeFailure(failure: Failure): Uint8Array | undefined {
  const whole = encode(failure);
  const fits = whole !== undefined && whole.byteLength <= LINK_WHOLE_BYTES_MAX;
  return fits ? whole : encode({ code: failure.code });
}

/** The value whose encoding is exactly `bytes[start … end - 1]`. Never throws. */
export function decode(bytes: Uint8Array, start: number, end: number): unknown {
  if (end <= start) return MALFORMED;
  range.start = start;
  range.end = end;
  try {
    return unpackr.unpack(bytes, range);
  } catch {
    return MALFORMED;
  }
}

export function decodeFrame(frame: Frame): unknown {
  return decode(frame.bytes, frame.start, frame.end);
}

/** What was taken out of a message. Keys are null where the message itself is the bytes. */
export interface Taken {
  readonly message: unknown;
  readonly source: { readonly key: string; readonly source: ByteSource } | undefined;
  readonly attachments: readonly { readonly key: string | null; readonly bytes: Uint8Array }[];
  readonly attachedBytes: number;
}

/** Undefined, as mostly, when there is nothing to take out. The message itself is not changed. Never throws. */
export function takeOut(message: unknown): Taken | undefined {
  try {
    return takeOutOf(message);
  } catch {
    // A getter did. Whoever encodes the message meets it again, and refuses it.
    return undefined;
  }
}

function takeOutOf(message: unknown): Taken | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  if (message instanceof Uint8Array) {
    if (message.byteLength < ATTACHMENT_BYTES_MIN) return undefined;
    const attachments = [{ key: null, bytes: message }];
    return { message: null, source: undefined, attachments, attachedBytes: message.byteLength };
  }
  if (Array.isArray(message) || !hasAny(message)) return undefined;

  // Of the same class and with the same symbols: what is to be refused is not made sendable.
  const rest: Record<string, unknown> = { ...message };
  const prototype: object | null = Object.getPrototypeOf(message);
  if (prototype !== Object.prototype) Object.setPrototypeOf(rest, prototype);
  const attachments: { key: string; bytes: Uint8Array }[] = [];
  let source: { key: string; source: ByteSource } | undefined;
  for (const [key, member] of Object.entries(rest)) {
    if (source === undefined && isByteSource(member)) source = { key, source: member };
    else if (isLarge(member)) attachments.push({ key, bytes: member });
    else continue;
    rest[key] = null;
  }
  const attachedBytes = attachments.reduce((total, { bytes }) => total + bytes.byteLength, 0);
  return { message: rest, source, attachments, attachedBytes };
}

/** The form in which patches travel: stream key and id, then key and length of each attachment. */
export function describePatches(taken: Taken, streamId: number): unknown {
  const { source, attachments } = taken;
  return [
    source?.key ?? null,
    source === undefined ? 0 : streamId,
    attachments.map(({ key, bytes }) => [key, bytes.byteLength]),
  ];
}

/** Puts back what was taken out. `openStream` makes the source of a stream id; undefined refuses it. */
export function putBack(
  message: unknown,
  patches: unknown,
  frame: Frame,
  attachmentsAt: number,
  openStream: (streamId: number) => ByteSource | undefined,
): unknown {
  if (!Array.isArray(patches) || patches.length !== 3) return MALFORMED;
  const [sourceKey, streamId, lengths] = patches as readonly unknown[];
  const attachments = cutAttachments(lengths, frame, attachmentsAt);
  if (attachments === undefined) return MALFORMED;

  const first = attachments[0];
  if (first !== undefined && first.key === null) return attachments.length === 1 ? first.bytes : MALFORMED;
  if (typeof message !== "object" || message === null) return MALFORMED;
  for (const { key, bytes } of attachments) {
    if (key === null || !Object.hasOwn(message, key)) return MALFORMED;
    Object.assign(message, { [key]: bytes });
  }
  if (sourceKey === null) return message;

  if (typeof sourceKey !== "string" || !Object.hasOwn(message, sourceKey)) return MALFORMED;
  const source = typeof streamId === "number" ? openStream(streamId) : undefined;
  return source === undefined ? MALFORMED : Object.assign(message, { [sourceKey]: source });
}

function cutAttachments(
  lengths: unknown,
  frame: Frame,
  attachmentsAt: number,
): { key: string | null; bytes: Uint8Array }[] | undefined {
  if (!Array.isArray(lengths)) return undefined;
  const attachments: { key: string | null; bytes: Uint8Array }[] = [];
  let at = attachmentsAt;
  for (const entry of lengths as readonly unknown[]) {
    const [key, length] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    if ((typeof key !== "string" && key !== null) || typeof length !== "number") return undefined;
    if (!Number.isInteger(length) || length < 0 || length > frame.end - at) return undefined;
    // A view keeps everything alive that came in the same piece: taken only where that is at most as much again.
    const isMost = length * 2 >= frame.bytes.buffer.byteLength;
    const bytes = isMost ? frame.bytes.subarray(at, at + length) : frame.bytes.slice(at, at + length);
    attachments.push({ key, bytes });
    at += length;
  }
  return at === frame.end ? attachments : undefined;
}

function hasAny(message: object): boolean {
  for (const key in message) {
    const member = (message as Readonly<Record<string, unknown>>)[key];
    if (typeof member === "object" && member !== null && (isLarge(member) || isByteSource(member))) return true;
  }
  return false;
}

function isLarge(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.byteLength >= ATTACHMENT_BYTES_MIN;
}
