/**
 * The checker of events against the simplest thing that says the same, which looks at everything for everything: on histories that
 * are right, and on the same with something lost, doubled, changed, swapped or made up.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkEvents, EVENT_CHECKS, type EventCheck } from "#chaos/checkers/event-checker.ts";
import type { EventsFound, FoundRow, SentText } from "#chaos/checkers/event-history.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { randomHistory } from "#test/chaos/checkers/event-histories.ts";
import { drawnAs } from "#test/kit/runs.ts";

const DRAWN = drawnAs({ usual: 400, slowness: 1 });

const HARMS = [
  "none",
  "lose-row",
  "double-row",
  "change-row",
  "move-row",
  "lose-letter",
  "change-letter",
  "swap-rows",
] as const;
const harm = fc.record({ kind: fc.constantFrom(...HARMS), at: fc.nat() });

function harmed(
  { rows, letters }: EventsFound,
  { kind, at }: { kind: (typeof HARMS)[number]; at: number },
): EventsFound {
  const [rowAt, letterAt] = [at % Math.max(1, rows.length), at % Math.max(1, letters.length)];
  const [one, next] = [rows[rowAt], rows[rowAt + 1]];
  const withRow = (...changed: readonly FoundRow[]): EventsFound => ({
    rows: rows.toSpliced(rowAt, 1, ...changed),
    letters,
  });
  const other = letters[letterAt];
  if (kind === "lose-letter") return { rows, letters: letters.toSpliced(letterAt, 1) };
  if (kind === "change-letter" && other !== undefined) {
    return { rows, letters: letters.toSpliced(letterAt, 1, { ...other, reason: "poison" }) };
  }
  if (one === undefined) return { rows, letters };
  if (kind === "lose-row") return withRow();
  if (kind === "double-row") return withRow(one, one);
  if (kind === "change-row") return withRow({ ...one, content: `${one.content}!` });
  if (kind === "move-row") return withRow({ ...one, entryId: "5000-1" });
  if (kind === "swap-rows" && next !== undefined) {
    const swapped = [
      { ...one, entryId: next.entryId },
      { ...next, entryId: one.entryId },
    ];
    return { rows: rows.toSpliced(rowAt, 2, ...swapped), letters };
  }
  return { rows, letters };
}

/** Every rule in its own words, over all texts, rows and letters. */
function naive(sent: readonly SentText[], { rows, letters }: EventsFound): ReadonlySet<EventCheck> {
  const wrong = new Set<EventCheck>();
  const isRow = (one: SentText): boolean =>
    one.refusal === undefined && rows.some(({ id, content }) => id === one.event?.id && content === one.event.content);
  const isBeaten = (one: SentText): boolean =>
    one.refusal === undefined && !isRow(one) && sent.some((other) => other.event?.id === one.event?.id && isRow(other));
  for (const one of sent.filter(({ entryIds }) => entryIds.length > 0)) {
    const hasLetter = letters.some(({ text }) => text === one.text);
    if (one.refusal !== undefined && !hasLetter) wrong.add("refused-events-are-told");
    if (one.refusal === undefined && !isRow(one) && !(isBeaten(one) && hasLetter)) wrong.add("no-event-is-lost");
  }
  for (const found of rows) {
    if (rows.filter(({ id }) => id === found.id).length > 1) wrong.add("no-event-is-doubled");
    const isSent = sent.some(
      ({ event, refusal }) => refusal === undefined && event?.id === found.id && event.content === found.content,
    );
    if (!isSent) wrong.add("events-are-as-sent");
  }
  for (const { text, reason, entryId } of letters) {
    const one = sent.find((other) => other.text === text);
    const wanted = one && (one.refusal ?? (isBeaten(one) ? "duplicate_event" : undefined));
    const isOfIt = one !== undefined && (one.entryIds.includes(entryId) || one.unansweredCount > 0);
    if (wanted !== reason || !isOfIt) wrong.add("refused-events-are-told");
  }
  const known = sent.filter((one) => isRow(one) && one.entryIds.length === 1 && one.unansweredCount === 0);
  for (const [at, one] of known.entries()) {
    const place = placeOf(one, rows);
    if (place !== numberOf(one.entryIds[0] ?? "")) wrong.add("events-keep-their-order");
    const later = known.slice(at + 1).filter(({ producerId }) => producerId === one.producerId);
    if (later.some((other) => placeOf(other, rows) <= place)) wrong.add("events-keep-their-order");
  }
  return wrong;
}

function placeOf({ event }: SentText, rows: readonly FoundRow[]): number {
  return numberOf(rows.find(({ id, content }) => id === event?.id && content === event.content)?.entryId ?? "");
}

function numberOf(entryId: string): number {
  const [ms, sequence] = entryId.split("-");
  return Number(ms) * 10 + Number(sequence);
}

describe("events: the checker", () => {
  it("agrees with one that looks at everything for everything", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 24 }), harm, (seed, count, done) => {
        const { sent, found } = randomHistory(seededRandom(seed), count);
        const after = harmed(found, done);

        const expected = naive(sent, after);
        const { problems } = checkEvents(sent, after);

        const told = new Set(problems.map(({ check }) => check));
        assert.deepEqual([...told].sort(), [...expected].sort(), JSON.stringify({ done, sent, after }, undefined, 1));
        if (done.kind === "none") assert.deepEqual(problems, [], JSON.stringify({ sent, found }, undefined, 1));
        for (const check of told) seen.set(check, (seen.get(check) ?? 0) + 1);
      }),
      DRAWN,
    );

    assert.deepEqual(
      EVENT_CHECKS.filter((check) => !seen.has(check)),
      [],
      "each is broken at some time",
    );
  });
});
