/** Entries that are good, to make others of, and what a reader says of them in one value. */
import type { Entry } from "#actors/domain/events/entry.ts";
import type { EventBounds, EventRefused } from "#actors/domain/events/event.ts";
import { eventWindow } from "#actors/domain/events/event-window.ts";
import { parseRfc3339 } from "#actors/domain/time-ns.ts";
import type { Result } from "#runtime/errors.ts";
import { readJson } from "#test/actors/domain/events/slow-json.ts";

/** When all of this happens. */
export const NOW = "2026-11-23T08:00:00Z";
export const BOUNDS: EventBounds = { sizeBytesMax: 4096, window: eventWindow(parseRfc3339(NOW) ?? 0n) };

/** Members that are `undefined` are left out. */
export function goodEvent(members: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    event_id: "01990b4e-7b1c-7c3a-9b1a-0a1b2c3d4e5f",
    ts: "2026-11-23T07:59:59.123456789Z",
    subject_id: "5d0f6c1e-8a3b-4c2d-9e1f-0a1b2c3d4e5f",
    payload: { price: "64123.45", sizes: [1, 2.5, -3e7], note: 'a "quoted" \\ word' },
    tags: [{ key: "core.symbol", value: "AAPL" }],
    ...members,
  });
}

/** Seed 000's own, at another time. */
export function goodEnvelope(
  members: Readonly<Record<string, unknown>> = {},
  dataMembers: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    version: "0.1.0",
    type: "data",
    id: "01J9Z0MZ3D0J3C3N8C4E9W6Z7Q",
    ts: 1_795_420_799_000_001,
    data: {
      kind: "trade",
      source: "binance",
      symbol: "BTCUSDT",
      seq: 123_456_789,
      ts_event: 1_795_420_799_000_000,
      ts_collector: 1_795_420_799_000_001,
      payload: { price: "64123.45" },
      meta: { module_version: "1.2.3" },
      ...dataMembers,
    },
    ...members,
  });
}

/** The entry with its payload as the slow reader has it, or the reason why it is none. */
export function verdictOf(read: Result<Entry, EventRefused>): unknown {
  if (!read.ok) return read.failure.reason;
  const entry = read.value;
  return entry.kind === "notice" ? entry : { ...entry, payload: readJson(entry.payload) };
}
