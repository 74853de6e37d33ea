/**
 * What must hold of a system: at any moment when everything is quiet, and at the very end.
 *
 * Each check answers with sentences about what is wrong, so that a failing run names all of it.
 */
import { DEAD_LETTERS_MAX, type DeadLetter } from "#runtime/dead-letters.ts";
import { type Attempt, type Book, describe, type Promised } from "#test/runtime/model/book.ts";
import type { Cell } from "#test/runtime/model/cell.ts";
import { CELLS, CLERKS, type ClerkName, clerksOf } from "#test/runtime/model/plan.ts";
import type { System } from "#test/runtime/model/system.ts";

/** At any quiet moment: nobody waits for what could be done now. */
export function wrongWhenQuiet(system: System): readonly string[] {
  const { book } = system;
  const cells = CELLS.map((name) => system.cell(name)).filter((cell) => cell.isUp);
  return [
    ...book.wrongs,
    ...cells.flatMap((cell) => clerksOf(cell.name).flatMap((clerk) => wrongOfClerk(cell, clerk, book))),
    ...book.promised
      .filter((promised) => isLost(promised, cells, system.clock.nowMs()))
      .map(({ what }) => `never told: ${what}`),
  ];
}

/** When nothing stands in the way any more, and there was time: every clerk runs, every attempt has come to something. */
export function wrongAfterRecovery(system: System): readonly string[] {
  const { book } = system;
  const children = CELLS.flatMap((name) => system.cell(name).supervisor.status());
  return [
    ...children.filter(({ state }) => state !== "running").map(({ name, state }) => `${name} stays ${state}`),
    ...book.attempts.filter(({ outcomes }) => outcomes.length === 0).map((each) => `never answered: ${describe(each)}`),
    ...book.attempts.flatMap((each) => wrongOfOutcome(each)),
    ...wrongOrder(book.attempts),
    ...wrongOfLosses(system),
    ...wrongOfLetters(system),
  ];
}

/** After the shutdown: nothing is left of anything. */
export function wrongAtTheEnd(system: System): readonly string[] {
  const { book, clock, cells } = system;
  const wrongs = [...book.wrongs];
  const must = (holds: boolean, what: string): void => {
    if (!holds) wrongs.push(what);
  };
  for (const { life, toldCount, isUndone, what } of book.promised) {
    if (life === undefined) must(isUndone || toldCount === 1, `told ${toldCount} times at the end: ${what}`);
  }
  for (const cell of cells) {
    const { armedCount } = cell.machine.wheel;
    must(armedCount === 0, `${armedCount} deadlines are left in ${cell.name}`);
    for (const { name, actor } of cell.children.values()) {
      must(actor.lifecycle === "stopped", `${name} is ${actor.lifecycle} after the end`);
      must(actor.mailboxDepth === 0, `${actor.mailboxDepth} messages are left at ${name}`);
    }
  }
  must(clock.armedCount === 0, `${clock.armedCount} timers are left`);
  for (const [actor, count] of book.open) must(count === 0, `${count} resources of ${actor} are left open`);
  return wrongs;
}

function wrongOfClerk(cell: Cell, clerk: ClerkName, book: Book): readonly string[] {
  const { actor } = cell.child(clerk);
  const state = cell.supervisor.status().find(({ name }) => name === clerk)?.state;
  const isServing = state === "running" || state === "degraded";
  if (isServing !== (actor.lifecycle === "running"))
    return [`${clerk} is ${actor.lifecycle}, but in its chart ${state}`];
  const life = book.lifeOf(clerk, actor.incarnation);
  if (life === undefined || actor.lifecycle !== "running" || life.isBusy) return [];

  const hasRoom = life.taskCount < CLERKS[clerk].laterMax;
  const isIdle = life.taskCount === 0;
  return book.attempts
    .filter(({ receiver, isRemote, outcomes }) => receiver === clerk && !isRemote && outcomes.length === 0)
    .filter(({ handledBy }) => (handledBy.length === 0 ? hasRoom : isIdle))
    .map((attempt) => `left behind at an actor that could go on: ${describe(attempt)}`);
}

/** Due, and its life could have heard of it. */
function isLost({ life, dueMs, toldCount }: Promised, cells: readonly Cell[], nowMs: number): boolean {
  if (nowMs < dueMs || toldCount > 0 || life === undefined || life.hasEnded || life.isBusy) return false;
  return cells.some(({ children }) => children.get(life.actor)?.actor.lifecycle === "running");
}

function wrongOfOutcome(attempt: Attempt): readonly string[] {
  const [outcome] = attempt.outcomes;
  const handledCount = attempt.handledBy.length;
  if (outcome?.kind === "answered" && handledCount === 0) return [`answered, but not handled: ${describe(attempt)}`];
  const isDenied = outcome?.kind === "refused" || (outcome?.kind === "failed" && outcome.executed === "no");
  return isDenied && handledCount > 0 ? [`handled, and its outcome denies it: ${describe(attempt)}`] : [];
}

/** What one sender sent to one receiver is handled in that order. */
function wrongOrder(attempts: readonly Attempt[]): readonly string[] {
  const last = new Map<string, Attempt>();
  const wrongs: string[] = [];
  const handled = attempts.filter(({ handledAt }) => handledAt !== undefined);
  for (const attempt of handled.toSorted((left, right) => (left.handledAt ?? 0) - (right.handledAt ?? 0))) {
    const pair = `${attempt.sender} ${attempt.receiver}`;
    const before = last.get(pair);
    if (before !== undefined && before.id > attempt.id) {
      wrongs.push(`out of order: ${describe(attempt)} after ${before.id}`);
    }
    last.set(pair, attempt);
  }
  return wrongs;
}

/** A cast that was accepted is handled, unless something is known that took it away. */
function wrongOfLosses({ book, cells }: System): readonly string[] {
  const lost = book.attempts.filter(
    ({ outcomes, handledBy, receiver, sentAt, isRemote }) =>
      outcomes[0]?.kind === "accepted" &&
      handledBy.length === 0 &&
      !book.isClosedSince(receiver, sentAt) &&
      !(isRemote && book.linkEnds.some((endedAt) => endedAt > sentAt)),
  );
  const counted = (reason: string): number => cells.reduce((sum, cell) => sum + cell.rejectedCount(reason), 0);
  const wrongs: string[] = [];
  for (const attempt of lost) {
    const isDisplaced = CLERKS[attempt.receiver as ClerkName].overflow === "drop-oldest";
    if (!attempt.isRemote && !isDisplaced) wrongs.push(`accepted and lost: ${describe(attempt)}`);
  }
  const explainedMax = counted("mailbox-displaced") + counted("cast-rejected") + counted("cast-stopped");
  if (lost.length > explainedMax) wrongs.push(`${lost.length} casts lost, ${explainedMax} counted`);
  return wrongs;
}

/** What was accepted and lost is a dead letter, once, and what is a dead letter that no life had was not handled. */
function wrongOfLetters({ book, cells }: System): readonly string[] {
  const letters = new Map<number, DeadLetter>();
  const wrongs: string[] = [];
  let mayHaveForgotten = false;
  for (const { actor } of cells.flatMap(({ children }) => [...children.values()])) {
    mayHaveForgotten ||= actor.deadLetters.length === DEAD_LETTERS_MAX;
    for (const letter of actor.deadLetters) {
      const request = letter.request as { readonly id: number } | undefined;
      const attempt = book.attempts[request?.id ?? -1];
      if (request === undefined || attempt === undefined) {
        wrongs.push(`a dead letter of a call that was given up: ${letter.name} at ${actor.name}`);
        continue;
      }
      const { id } = request;
      if (letters.has(id)) wrongs.push(`two dead letters: ${describe(attempt)}`);
      letters.set(id, letter);
      const isHandled = attempt.handledBy.length > 0;
      if (isHandled !== letter.entered > 0) wrongs.push(`a dead letter that errs: ${describe(attempt)}`);
      if (attempt.outcomes[0]?.kind === "answered") wrongs.push(`answered, and a dead letter: ${describe(attempt)}`);
    }
  }
  if (mayHaveForgotten) return wrongs;
  const missing = book.attempts.filter(
    ({ id, outcomes, handledBy, isRemote }) =>
      !isRemote && outcomes[0]?.kind === "accepted" && handledBy.length === 0 && !letters.has(id),
  );
  return [...wrongs, ...missing.map((attempt) => `accepted, lost, and no dead letter: ${describe(attempt)}`)];
}
