/**
 * The frames in the bytes of a link, read at their plainest: all of it at once, with everything copied. What the decoder, which
 * sees the same bytes in pieces, is held against.
 */
import { FLAG, FRAME_HEADER_BYTES, KIND, KIND_MAX } from "#runtime/link/frame.ts";
import { LINK_FRAME_BYTES_MAX, LINK_MESSAGE_BYTES_MAX } from "#runtime/link/limits.ts";

/** A frame in words; the bytes of a stream one after another; or why nothing more is read. */
export type Heard = string;

const MESSAGES: readonly number[] = [KIND.request, KIND.reply, KIND.cast];

export function frameModel(bytes: Uint8Array): readonly Heard[] {
  const view = Buffer.from(bytes);
  const heard: Heard[] = [];
  let long = Buffer.alloc(0);
  let at = 0;
  while (view.length - at >= FRAME_HEADER_BYTES) {
    const [kind, flags] = [view.readUInt8(at + 4), view.readUInt8(at + 5)];
    const bodyBytes = view.readUInt32BE(at) + 4 - FRAME_HEADER_BYTES;
    if (bodyBytes < 0 || kind < 1 || kind > KIND_MAX) return [...heard, "frame-malformed"];
    if (bodyBytes > LINK_FRAME_BYTES_MAX) return [...heard, "frame-too-large"];
    const isData = kind === KIND.data && (flags & (FLAG.end | FLAG.failed)) === 0;
    if ((isData || kind === KIND.part) && bodyBytes === 0) return [...heard, "frame-malformed"];
    const body = view.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + bodyBytes);
    const isWhole = body.length === bodyBytes;
    at += FRAME_HEADER_BYTES + bodyBytes;

    if (isData) tell(heard, view.readUInt32BE(at - bodyBytes - 8), body);
    else if (kind === KIND.part) {
      long = Buffer.concat([long, body]);
      if (long.length < FRAME_HEADER_BYTES) continue;
      const lengthBytes = long.readUInt32BE(0) + 4;
      const isMessage = MESSAGES.includes(long.readUInt8(4)) && lengthBytes > FRAME_HEADER_BYTES;
      if (!isMessage) return [...heard, "frame-malformed"];
      if (lengthBytes > LINK_MESSAGE_BYTES_MAX) return [...heard, "frame-too-large"];
      if (long.length < lengthBytes) continue;
      // The last part ends where the message does.
      if (long.length > lengthBytes || !isWhole) return [...heard, "frame-malformed"];
      heard.push(frameIn(long));
      long = Buffer.alloc(0);
    } else if (isWhole) heard.push(frameIn(view.subarray(at - bodyBytes - FRAME_HEADER_BYTES, at)));
  }
  return heard;
}

export function frameIn(bytes: Buffer): Heard {
  return `${bytes.readUInt8(4)} ${bytes.readUInt8(5)} ${bytes.readUInt32BE(6)} ${bytes.readUInt32BE(10)} ${bytes.toString("hex", 14)}`;
}

/** Adds to what was heard of the stream last, if that is this one. */
export function tell(heard: Heard[], streamId: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const front = `data ${streamId} `;
  const hex = Buffer.from(bytes).toString("hex");
  const last = heard.at(-1) ?? "";
  if (last.startsWith(front)) heard[heard.length - 1] = last + hex;
  else heard.push(front + hex);
}
