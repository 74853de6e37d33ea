/** Dead letters as JSON says them to administrators, by the names of their fields in `events:dlq`. */
import { isUtf8 } from "node:buffer";
import { timeOf } from "#actors/gateway/desk.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { ReplyOf } from "#runtime/protocol.ts";

type Head = ReplyOf<IngestProtocol, "listDeadLetters">["letters"][number];
type Shown = ReplyOf<IngestProtocol, "readDeadLetter">;
type Json = Readonly<Record<string, unknown>>;

/** Of a list. `letter_id` is its name here, `id` that of the entry in `events`. */
export function letterJson({ letterId, id, reason, error, attempts, firstMs, lastMs, ...more }: Head): Json {
  const { payloadBytes, isCut, sender } = more;
  return {
    letter_id: letterId,
    id,
    reason,
    error,
    attempts: Number.isFinite(attempts) ? attempts : null,
    first_at: timeOf(firstMs),
    last_at: timeOf(lastMs),
    producer_id: sender?.producerId ?? null,
    token_subject_id: sender?.subjectId ?? null,
    payload_bytes: payloadBytes,
    payload_cut: isCut,
  };
}

/**
 * With what came: as text where it is one that JSON says in at most twice its length, else in Base64. So an answer has less than
 * a client takes for one.
 */
export function shownJson({ payload, ...head }: Shown): Json {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isUtf8(bytes)) {
    const text = bytes.toString("utf8");
    if (!HAS_LONG_ESCAPES.test(text)) return { ...letterJson(head), payload: text };
  }
  return { ...letterJson(head), payload_base64: bytes.toString("base64") };
}

/** Controls: JSON writes most of them in six characters. */
const HAS_LONG_ESCAPES = /[^\P{Cc}\t\n\r]/u;
