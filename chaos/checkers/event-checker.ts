/**
 * Whether what is kept is what was published: every event that Redis has taken is a row, once, as it was sent, in the order of its
 * producer; everything else that it has taken is a dead letter that says why; and nothing is there that nobody sent.
 *
 * Of what was sent without an answer nothing is known: it may be kept, or not. One look at each text, row and letter, so histories
 * may be long.
 *
 * - A dead letter may be there twice, with the id of one entry (ING-32).
 * - Of texts that contradict each other one is the row, whichever was written first: readers are more than one. The others are dead
 *   letters (ING-21).
 * - The order is that of texts which are known to have made one entry each: of any other nobody knows when it came.
 */
import type { EventsFound, FoundLetter, FoundRow, SentText } from "#chaos/checkers/event-history.ts";

export const EVENT_CHECKS = [
  "no-event-is-lost",
  "no-event-is-doubled",
  "events-are-as-sent",
  "refused-events-are-told",
  "events-keep-their-order",
] as const;

export type EventCheck = (typeof EVENT_CHECKS)[number];

export interface EventProblem {
  readonly check: EventCheck;
  readonly what: string;
}

export interface EventVerdict {
  /** How many texts, rows or letters each check looked at. */
  readonly looked: Readonly<Record<EventCheck, number>>;
  readonly problems: readonly EventProblem[];
}

/** Of a text that contradicts another one which became the row. */
const CONTRADICTS = "duplicate_event";
/** Characters of a text that are told. */
const TOLD_LENGTH_MAX = 120;

/** `sent`: those of one producer in the order in which they were begun. */
export function checkEvents(sent: readonly SentText[], found: EventsFound): EventVerdict {
  const checking = new EventChecking(sent, found);
  for (const text of sent) checking.judgeText(text);
  for (const [id, rows] of checking.rows) checking.judgeRows(id, rows);
  for (const letter of found.letters) checking.judgeLetter(letter);
  checking.judgeOrder(sent);
  return checking;
}

class EventChecking implements EventVerdict {
  readonly looked: Record<EventCheck, number> = {
    "no-event-is-lost": 0,
    "no-event-is-doubled": 0,
    "events-are-as-sent": 0,
    "refused-events-are-told": 0,
    "events-keep-their-order": 0,
  };
  readonly problems: EventProblem[] = [];
  readonly rows: ReadonlyMap<string, readonly FoundRow[]>;
  readonly #letters: ReadonlyMap<string, readonly FoundLetter[]>;
  readonly #byText: ReadonlyMap<string, SentText>;
  /** Those that may be the row of an id. */
  readonly #byId: ReadonlyMap<string, readonly SentText[]>;

  constructor(sent: readonly SentText[], { rows, letters }: EventsFound) {
    this.rows = Map.groupBy(rows, ({ id }) => id);
    this.#letters = Map.groupBy(letters, ({ text }) => text);
    this.#byText = new Map(sent.map((one) => [one.text, one]));
    this.#byId = Map.groupBy(
      sent.filter(({ refusal }) => refusal === undefined),
      ({ event }) => event?.id ?? "",
    );
  }

  judgeText(sent: SentText): void {
    if (sent.entryIds.length === 0) return;
    const letters = this.#letters.get(sent.text) ?? [];
    if (sent.refusal !== undefined) {
      this.#that("refused-events-are-told", letters.length > 0, () => `${told(sent.text)} is no dead letter`);
      return;
    }
    const isKept = this.#rowOf(sent) !== undefined || (this.#isContradicted(sent) && letters.length > 0);
    this.#that("no-event-is-lost", isKept, () => `${told(sent.text)} was taken as ${sent.entryIds.join(", ")}`);
  }

  judgeRows(id: string, rows: readonly FoundRow[]): void {
    this.#that("no-event-is-doubled", rows.length === 1, () => `event ${id} is there ${rows.length} times`);
    const variants = this.#byId.get(id) ?? [];
    for (const { content } of rows) {
      const isSent = variants.some(({ event }) => event?.content === content);
      const what = variants.length === 0 ? "nobody sent it as one that may be a row" : "it says what nobody sent";
      this.#that("events-are-as-sent", isSent, () => `event ${id}: ${what}: ${told(content)}`);
    }
  }

  judgeLetter({ text, reason, entryId }: FoundLetter): void {
    const sent = this.#byText.get(text);
    const expected = sent && (sent.refusal ?? (this.#isContradicted(sent) ? CONTRADICTS : undefined));
    const isSo = expected === reason;
    const why = sent === undefined ? "nobody sent it" : `not ${expected ?? "to be refused"}`;
    this.#that("refused-events-are-told", isSo, () => `${told(text)} is a dead letter, ${reason}: ${why}`);
    if (sent === undefined) return;
    const isOfIt = sent.entryIds.includes(entryId) || sent.unansweredCount > 0;
    this.#that("refused-events-are-told", isOfIt, () => `${told(text)} never was the entry ${entryId}`);
  }

  judgeOrder(sent: readonly SentText[]): void {
    const last = new Map<string, FoundRow>();
    for (const one of sent) {
      const [entryId, ...others] = one.entryIds;
      const row = this.#rowOf(one);
      if (row === undefined || entryId === undefined || others.length > 0 || one.unansweredCount > 0) continue;
      const before = last.get(one.producerId);
      last.set(one.producerId, row);
      const isItself = row.entryId === entryId;
      this.#that("events-keep-their-order", isItself, () => `event ${row.id} is at ${row.entryId}, not at ${entryId}`);
      const isBehind = before === undefined || isLater(row.entryId, before.entryId);
      const why = (): string =>
        `event ${row.id} is at ${row.entryId}, and ${before?.id} before it at ${before?.entryId}`;
      this.#that("events-keep-their-order", isBehind, why);
    }
  }

  /** The row that a text became. */
  #rowOf({ event, refusal }: SentText): FoundRow | undefined {
    if (event === undefined || refusal !== undefined) return undefined;
    return this.rows.get(event.id)?.find(({ content }) => content === event.content);
  }

  /** Another text of its id became the row. */
  #isContradicted(sent: SentText): boolean {
    if (sent.event === undefined || sent.refusal !== undefined || this.#rowOf(sent) !== undefined) return false;
    return (this.#byId.get(sent.event.id) ?? []).some((other) => this.#rowOf(other) !== undefined);
  }

  #that(check: EventCheck, holds: boolean, what: () => string): void {
    this.looked[check] += 1;
    if (!holds) this.problems.push({ check, what: what() });
  }
}

/** Ids of entries are two whole numbers. */
function isLater(entryId: string, other: string): boolean {
  const [ms = 0, sequence = 0] = entryId.split("-").map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && sequence > otherSequence);
}

function told(text: string): string {
  return text.length > TOLD_LENGTH_MAX ? `${text.slice(0, TOLD_LENGTH_MAX)}…` : text;
}
