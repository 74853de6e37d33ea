/** The `payload` field of an entry of the stream `events`, in either of the two protocols that share it. */
import { parseEntry } from "#actors/domain/events/entry-text.ts";
import type { EventBounds, EventRefused } from "#actors/domain/events/event.ts";
import { type LeanEvent, readEvent } from "#actors/domain/events/lean-event.ts";
import {
  isEnvelope,
  type LegacyEvent,
  type LegacyNotice,
  readEnvelope,
} from "#actors/domain/events/legacy-envelope.ts";
import type { Result } from "#runtime/errors.ts";

export type Entry = LeanEvent | LegacyEvent | LegacyNotice;

/** `text` is empty where the entry has no such field. */
export function readEntry(text: string, { sizeBytesMax, window }: EventBounds): Result<Entry, EventRefused> {
  const parsed = parseEntry(text, sizeBytesMax);
  if (!parsed.ok) return parsed;
  const parts = parsed.value;
  return isEnvelope(parts) ? readEnvelope(parts, window) : readEvent(parts, window);
}
