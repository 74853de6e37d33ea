/** Entries of the stream `events`, in few words. */
import type { Uuid } from "#actors/domain/uuid.ts";
import { uuidOfHex } from "#actors/domain/uuid.ts";

export const producerId: Uuid = uuidOfHex("a".padStart(32, "0"));
/** By whom `World.admissions` knows it. */
export const token = "good";

/** When the manual clocks of tests begin, and a little. */
const AT = "2026-01-01T00:00:00.123456789Z";
/** The same to the microsecond. */
const AT_US = 1_767_225_600_123_456;

export function eventId(number: number): Uuid {
  return uuidOfHex((number + 1).toString(16).padStart(32, "0"));
}

export function lean(number: number, subjectId: Uuid, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    event_id: eventId(number),
    ts: AT,
    subject_id: subjectId,
    payload: { price: number },
    tags: [{ key: "core.symbol", value: "BTCUSDT" }],
    ...more,
  });
}

/** Of protocol 0.1.0. */
export function envelope(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    version: "0.1.0",
    type: "data",
    id: "01J9Z0MZ3D0J3C3N8C4E9W6Z7Q",
    ts: AT_US,
    data: { kind: "trade", source: "binance", symbol: "BTCUSDT", seq: 1, payload: { price: 1 } },
    ...more,
  });
}
