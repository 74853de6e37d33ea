/**
 * What happened in one run, and what must not have: every attempt with its outcomes, every life with its end, every
 * control signal with its delivery.
 *
 * It judges at once what is wrong at once, and keeps the rest for `checks.ts`. A wrong is noted and not thrown: what a
 * handler throws is a crash, which the runtime deals with.
 */
import { ENTERED_MAX } from "#runtime/dead-letters.ts";
import { assert } from "#runtime/errors.ts";
import type { Down } from "#runtime/ref.ts";

/** One incarnation, as its behavior and its actor's exits show it. */
export interface Life {
  readonly actor: string;
  readonly incarnation: number;
  hasEnded: boolean;
  /** It ended by a crash or a kill: nothing of it is terminated. */
  hasCrashed: boolean;
  /** A handler of it waits and holds the mailbox. */
  isBusy: boolean;
  taskCount: number;
  /** Handlers and tasks that run, also after its end. */
  workCount: number;
}

export type Outcome =
  | { readonly kind: "answered"; readonly value: number }
  | { readonly kind: "failed"; readonly code: string; readonly executed: "no" | "maybe" }
  | { readonly kind: "accepted" | "refused" };

/** One message that somebody tried to send. */
export interface Attempt {
  readonly id: number;
  readonly form: "call" | "cast";
  readonly name: string;
  /** Whose messages to one receiver keep their order. */
  readonly sender: string;
  readonly receiver: string;
  readonly isRemote: boolean;
  readonly sentAt: number;
  readonly outcomes: Outcome[];
  readonly handledBy: Life[];
  /** The moment of the first time. */
  handledAt: number | undefined;
}

/** A monitor, a watch or an alarm: something that is promised to be told once. */
export interface Promised {
  readonly what: string;
  /** The life that is told; undefined where it is the test itself. */
  readonly life: Life | undefined;
  toldCount: number;
  isUndone: boolean;
  /** On the clock: from then on it ought to have been told, if `life` still lives. */
  dueMs: number;
}

export class Book {
  readonly attempts: Attempt[] = [];
  readonly promised: Promised[] = [];
  readonly lives: Life[] = [];
  readonly wrongs: string[] = [];
  /** By actor: the moments at which its user lane was closed. */
  readonly closings: Map<string, number[]> = new Map();
  /** Moments at which a link ended. */
  readonly linkEnds: number[] = [];
  /** Actors that fail in their next `init`s, so many times. */
  readonly failingStarts: Map<string, number> = new Map();
  /** By actor: how long its next lives take to begin, and to end in good order, ms. */
  readonly slowness: Map<string, number> = new Map();
  /** By actor: resources that are open. */
  readonly open: Map<string, number> = new Map();
  #moment = 0;

  wrong(what: string): void {
    this.wrongs.push(what);
  }

  /** Moments are counted, not measured: much happens while the clock stands still. */
  moment(): number {
    this.#moment += 1;
    return this.#moment;
  }

  attempt(of: Pick<Attempt, "form" | "name" | "sender" | "receiver" | "isRemote">): Attempt {
    const attempt = {
      ...of,
      id: this.attempts.length,
      sentAt: this.moment(),
      outcomes: [],
      handledBy: [],
      handledAt: undefined,
    };
    this.attempts.push(attempt);
    return attempt;
  }

  outcome(attempt: Attempt, outcome: Outcome): void {
    attempt.outcomes.push(outcome);
    if (attempt.outcomes.length > 1) this.wrong(`answered twice: ${describe(attempt)}`);
    if (outcome.kind === "answered" && outcome.value !== attempt.id) {
      this.wrong(`the answer to another request: ${describe(attempt)} got ${outcome.value}`);
    }
  }

  begin(actor: string, incarnation: number, hasEnded: boolean): Life {
    const before = this.lives.find((life) => life.actor === actor && life.workCount > 0);
    if (before !== undefined) this.wrong(`life ${incarnation} of ${actor} begins beside life ${before.incarnation}`);
    const life = { actor, incarnation, hasEnded, hasCrashed: false, isBusy: false, taskCount: 0, workCount: 0 };
    this.lives.push(life);
    return life;
  }

  ended(actor: string, incarnation: number, hasCrashed: boolean): void {
    const life = this.lives.findLast((other) => other.actor === actor);
    // Without a life of that number its `init` was not done.
    if (life?.incarnation !== incarnation) return;
    life.hasEnded = true;
    life.hasCrashed = hasCrashed;
  }

  /** The life that `actor` shows now. */
  lifeOf(actor: string, incarnation: number): Life | undefined {
    const life = this.lives.findLast((other) => other.actor === actor);
    return life?.incarnation === incarnation && !life.hasEnded ? life : undefined;
  }

  /** Answers with how often it was handled, this time included. */
  handled(id: number, life: Life): number {
    const attempt = this.attempts[id];
    assert(attempt !== undefined, "a handler is given what was sent");
    const { name, handledBy } = attempt;
    const isAgain = handledBy.length >= (name === "stumble" ? ENTERED_MAX : 1) || handledBy.includes(life);
    if (isAgain) this.wrong(`handled ${handledBy.length === 1 ? "twice" : "too often"}: ${describe(attempt)}`);
    handledBy.push(life);
    attempt.handledAt ??= this.moment();
    this.mustLive(life, `handled ${describe(attempt)}`);
    return handledBy.length;
  }

  mustLive(life: Life, what: string): void {
    if (life.hasEnded) this.wrong(`after its end, life ${life.incarnation} of ${life.actor} ${what}`);
  }

  /** The last that a life does, and only where it ends in good order. */
  terminated(life: Life): void {
    if (life.hasCrashed) this.wrong(`after its crash, life ${life.incarnation} of ${life.actor} is terminated`);
    if (life.isBusy) this.wrong(`life ${life.incarnation} of ${life.actor} is terminated beside its handler`);
  }

  closed(actor: string): void {
    this.closings.set(actor, [...(this.closings.get(actor) ?? []), this.moment()]);
  }

  isClosedSince(actor: string, moment: number): boolean {
    return this.closings.get(actor)?.some((closedAt) => closedAt > moment) ?? false;
  }

  /** A resource of a life. The last life's must have been closed before the next one begins. */
  opened(actor: string): void {
    const count = this.open.get(actor) ?? 0;
    if (count > 0) this.wrong(`${actor} begins a life beside what is left of the last one`);
    this.open.set(actor, count + 1);
  }

  promise(what: string, life: Life | undefined, dueMs: number = Number.POSITIVE_INFINITY): Promised {
    const promised = { what, life, toldCount: 0, isUndone: false, dueMs };
    this.promised.push(promised);
    return promised;
  }

  told(promised: Promised, down?: Down): void {
    promised.toldCount += 1;
    const what = down === undefined ? promised.what : `${promised.what} (${down.reason})`;
    if (promised.toldCount > 1) this.wrong(`told twice: ${what}`);
    if (promised.isUndone) this.wrong(`told after it was undone: ${what}`);
    if (promised.life !== undefined) this.mustLive(promised.life, `was told of ${what}`);
  }
}

export function describe({ id, name, sender, receiver }: Attempt): string {
  return `${name} ${id} from ${sender} to ${receiver}`;
}
