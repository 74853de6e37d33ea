/** The checker of events on histories of a few texts, each of which says what is right or wrong with it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkEvents, EVENT_CHECKS } from "#chaos/checkers/event-checker.ts";
import type { EventsFound, SentText } from "#chaos/checkers/event-history.ts";
import { letter, row, sent } from "#test/chaos/checkers/event-histories.ts";

/** Names of the checks that do not hold. */
function broken(all: readonly SentText[], found: Partial<EventsFound>): readonly string[] {
  const { problems } = checkEvents(all, { rows: [], letters: [], ...found });
  return problems.map(({ check }) => check);
}

const two = [sent("1", 1), sent("2", 2)];
const maybe = { entryIds: [], unansweredCount: 1 };
/** In one millisecond, in this order. */
const [ninth, tenth] = [{ entryIds: ["5-9"] }, { entryIds: ["5-10"] }];
const both = [sent("1/a", 1), sent("1/b", 2)];

describe("events: histories that are right", () => {
  for (const [what, all, found] of [
    ["each that was taken is a row", two, { rows: [row("1", 1), row("2", 2)] }],
    ["what was not answered is there", [sent("1", 1, maybe)], { rows: [row("1", 9)] }],
    ["what was not answered is not there", [sent("1", 1, maybe)], {}],
    ["what was never taken is not there", [sent("1", 1, { entryIds: [] })], {}],
    [
      "an event that was taken twice is at either place",
      [sent("1", 1, { entryIds: ["1-0", "3-0"] })],
      { rows: [row("1", 3)] },
    ],
    ["no event is a dead letter, twice", [sent("1/none", 1)], dead("1/none", "bad_event_json", 1, 1)],
    [
      "of two that contradict each other the first is the row",
      both,
      { rows: [row("1/a", 1)], ...dead("1/b", "duplicate_event", 2) },
    ],
    ["or the second", both, { rows: [row("1/b", 2)], ...dead("1/a", "duplicate_event", 1) }],
    ["a refused one without an answer is there", [sent("1/none", 1, maybe)], dead("1/none", "bad_event_json", 7)],
    [
      "a later one overtakes one that was not answered at first",
      [sent("1", 1, { entryIds: ["1-0"], unansweredCount: 1 }), sent("2", 2)],
      { rows: [row("1", 5), row("2", 2)] },
    ],
    [
      "ten comes after nine",
      [sent("1", 5, ninth), sent("2", 5, tenth)],
      { rows: [row("1", 5, { entryId: "5-9" }), row("2", 5, { entryId: "5-10" })] },
    ],
    [
      "two producers have an order each",
      [sent("1", 5), sent("2", 2, { producerId: "ben" })],
      { rows: [row("1", 5), row("2", 2)] },
    ],
  ] satisfies readonly [string, readonly SentText[], Partial<EventsFound>][]) {
    it(what, () => {
      assert.deepEqual(broken(all, found), []);
    });
  }
});

describe("events: histories that are wrong", () => {
  for (const [what, check, all, found] of [
    ["one that was taken is nowhere", "no-event-is-lost", two, { rows: [row("2", 2)] }],
    ["both that contradict each other are nowhere", "no-event-is-lost", [sent("1/a", 1)], {}],
    ["one that contradicts the row is no dead letter", "no-event-is-lost", both, { rows: [row("1/a", 1)] }],
    ["one is there twice", "no-event-is-doubled", [sent("1", 1)], { rows: [row("1", 1), row("1", 1)] }],
    ["one that nobody sent is there", "events-are-as-sent", [], { rows: [row("1", 1)] }],
    [
      "one that may be no row is one",
      "events-are-as-sent",
      [sent("1", 1, { refusal: "unauthenticated", ...maybe })],
      { rows: [row("1", 1)] },
    ],
    [
      "a row says something else",
      "events-are-as-sent",
      [sent("1", 1, maybe)],
      { rows: [row("1", 1, { content: "x" })] },
    ],
    ["no event is no dead letter", "refused-events-are-told", [sent("1/none", 1)], {}],
    ["a dead letter has another reason", "refused-events-are-told", [sent("1/none", 1)], dead("1/none", "poison", 1)],
    ["a dead letter is of what nobody sent", "refused-events-are-told", [], dead("1/none", "bad_event_json", 1)],
    [
      "a dead letter speaks of another entry",
      "refused-events-are-told",
      [sent("1/none", 1)],
      dead("1/none", "bad_event_json", 1, 2),
    ],
    [
      "an event that is a row is a dead letter too",
      "refused-events-are-told",
      [sent("1", 1)],
      { rows: [row("1", 1)], ...dead("1", "duplicate_event", 1) },
    ],
    ["a row stands where it did not come", "events-keep-their-order", [sent("1", 1)], { rows: [row("1", 2)] }],
    [
      "a later one stands before an earlier one of the same millisecond",
      "events-keep-their-order",
      [sent("1", 5, tenth), sent("2", 5, ninth)],
      { rows: [row("1", 5, { entryId: "5-10" }), row("2", 5, { entryId: "5-9" })] },
    ],
    [
      "a later one stands before an earlier one",
      "events-keep-their-order",
      [sent("1", 10), sent("2", 9)],
      { rows: [row("1", 10), row("2", 9)] },
    ],
  ] satisfies readonly [string, string, readonly SentText[], Partial<EventsFound>][]) {
    it(`${what}: ${check}`, () => {
      assert.deepEqual([...new Set(broken(all, found))], [check]);
    });
  }
});

describe("events: what a look comes to", () => {
  it("says what it looked at, and names what is wrong", () => {
    const { looked, problems } = checkEvents([...two, sent("3/none", 3)], {
      rows: [row("2", 2)],
      letters: [letter("3/none", 3, "bad_event_json")],
    });

    assert.deepEqual(
      EVENT_CHECKS.map((check) => looked[check]),
      [2, 1, 1, 3, 2],
    );
    assert.deepEqual(problems, [{ check: "no-event-is-lost", what: "text 1 was taken as 1-0" }]);
  });

  it("takes as long for each text, however many there are", () => {
    const count = 20_000;
    const all = Array.from({ length: count }, (_, at) => sent(String(at), at + 1));
    const rows = all.map((_, at) => row(String(at), at + 1));

    const { problems, looked } = checkEvents(all, { rows, letters: [] });

    assert.deepEqual([problems.length, looked["no-event-is-lost"]], [0, count]);
  });
});

function dead(name: string, reason: string, ...entries: readonly number[]): Pick<EventsFound, "letters"> {
  return { letters: entries.map((at) => letter(name, at, reason)) };
}
