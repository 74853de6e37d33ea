/**
 * Where producers may write, remembered: the schema of a subject that a producer is bound to.
 *
 * What is remembered counts for `BINDING_REMEMBERED_MS`, so that a schema that another node has upgraded is written under here
 * that much later. While the database cannot be asked it counts for `BINDING_AWAY_MS`: so much longer may be written, to the
 * disk, what another node that can ask no longer lets in. That something is not bound is never remembered: while the database
 * cannot be asked it is undecided.
 */

import type { Undecided } from "#actors/ingest/judge.ts";
import type {
  Binding,
  EventRows,
  LegacyBinding,
  LegacyUse,
  Pair,
  RowsFailure,
} from "#actors/ingest/rows/event-rows.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import type { Within } from "#runtime/ref.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { minute, second } from "#runtime/units.ts";

/** Bindings, and as many subjects of older producers, that are remembered; the one that was asked for longest ago goes first. */
export const BINDINGS_REMEMBERED_MAX = 65_536;
/** How long what was read counts while the database can be asked. */
export const BINDING_REMEMBERED_MS: number = 5 * second;
/** How long it counts while the database cannot. */
export const BINDING_AWAY_MS: number = 10 * minute;

interface Remembered<Value> {
  readonly value: Value;
  readonly atMs: number;
}

export class Bindings {
  readonly #rows: Pick<EventRows, "bindings" | "legacy">;
  readonly #clock: Clock;
  readonly #bound = remembering<Binding>();
  #places = remembering<LegacyBinding>();
  /** What was asked for before something was forgotten may be what was forgotten. */
  #forgottenCount = 0;

  constructor(rows: Pick<EventRows, "bindings" | "legacy">, clock: Clock) {
    this.#rows = rows;
    this.#clock = clock;
  }

  bindings(pairs: readonly Pair[], within: Within): Promise<Result<readonly (Binding | Undecided)[], never>> {
    return this.#answer({
      questions: pairs,
      keyOf: ({ producerId, subjectId }) => `${producerId} ${subjectId}`,
      remembered: this.#bound,
      ask: (missing) => this.#rows.bindings(missing, within),
      isLasting: ({ kind }) => kind === "bound",
    });
  }

  legacy(uses: readonly LegacyUse[], within: Within): Promise<Result<readonly (LegacyBinding | Undecided)[], never>> {
    return this.#answer({
      questions: uses,
      keyOf: ({ producerId, schemaName, subjectKey }) => `${producerId} ${schemaName} ${subjectKey}`,
      remembered: this.#places,
      ask: (missing) => this.#rows.legacy(missing, Math.floor(this.#clock.wallMs()), within),
      isLasting: ({ kind }) => kind === "bound",
    });
  }

  /** A subject was given another schema, or another producer, here. */
  forget({ producerId, subjectId }: Pair): void {
    this.#bound.delete(`${producerId} ${subjectId}`);
    this.#forgottenCount += 1;
  }

  /** People have decided about it. Of the places of older producers it is not told which subject they are: all of them go. */
  forgetReviewed(pair: Pair): void {
    this.forget(pair);
    this.#places = remembering<LegacyBinding>();
  }

  async #answer<Question, Answer>({
    questions,
    keyOf,
    remembered,
    ask,
    isLasting,
  }: Recollection<Question, Answer>): Promise<Result<readonly (Answer | Undecided)[], never>> {
    const nowMs = this.#clock.nowMs();
    const known = new Map<string, Remembered<Answer>>();
    const missing: Question[] = [];
    let cause = "";
    for (const question of questions) {
      const found = remembered.get(keyOf(question));
      if (found !== undefined && found.atMs >= nowMs - BINDING_AWAY_MS) known.set(keyOf(question), found);
      if (found === undefined || found.atMs < nowMs - BINDING_REMEMBERED_MS) missing.push(question);
    }
    if (missing.length > 0) {
      const forgottenCount = this.#forgottenCount;
      const asked = await ask(missing);
      if (!asked.ok) cause = troubleOf(asked.failure);
      for (const [at, value] of asked.ok ? asked.value.entries() : []) {
        const question = missing[at];
        assert(question !== undefined, "there are as many answers as questions");
        const answer = { value, atMs: this.#clock.nowMs() };
        known.set(keyOf(question), answer);
        if (isLasting(value) && forgottenCount === this.#forgottenCount) remembered.set(keyOf(question), answer);
        else remembered.delete(keyOf(question));
      }
    }
    return ok(
      questions.map((question) => {
        const answer = known.get(keyOf(question));
        return answer === undefined ? { kind: "undecided", cause } : answer.value;
      }),
    );
  }
}

interface Recollection<Question, Answer> {
  readonly questions: readonly Question[];
  readonly keyOf: (question: Question) => string;
  readonly remembered: LruCache<string, Remembered<Answer>>;
  readonly ask: (missing: readonly Question[]) => Promise<Result<readonly Answer[], RowsFailure>>;
  readonly isLasting: (answer: Answer) => boolean;
}

function remembering<Value>(): LruCache<string, Remembered<Value>> {
  return new LruCache(
    () => BINDINGS_REMEMBERED_MAX,
    () => 1,
  );
}
