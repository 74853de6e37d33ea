/** What an operator can do with an actor of this cell, and what is said of it. */
import type { Actor } from "#runtime/actor.ts";
import { type Failure, type Result, unreachable } from "#runtime/errors.ts";
import { armFailpoint, type NoSuchFailpoint } from "#runtime/failpoints.ts";
import type { NotReplayed } from "#runtime/losses.ts";
import { viewLetters } from "#supervisor/cell/letters.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { type ActorCommand, type CommandAnswer, DONE } from "#supervisor/wire.ts";

/** A child without letters, or none at all. */
const NO_ACTOR: CommandAnswer = {
  refusal: { code: "supervisor.no-such-child", message: "there is no such actor" },
};
const NOT_UP: CommandAnswer = { refusal: { code: "supervisor.not-running", message: "it is starting" } };

/** Why a letter was not sent again. */
const WHY_NOT: Readonly<Record<NotReplayed["reason"], string>> = {
  "no-such-letter": "there is no letter of that number",
  "not-replayable": "its request was not kept",
  rejected: "the mailbox is full; the letter stays",
  stopped: "the actor is stopped; the letter stays",
};

/** `supervisor` is not there before the cell is up. */
export function obey(
  command: ActorCommand,
  actors: ReadonlyMap<string, Actor>,
  supervisor: Supervisor | undefined,
): CommandAnswer {
  if (supervisor === undefined) return NOT_UP;
  const actor = actors.get(command.actor);
  switch (command.kind) {
    // Not only actors: threads of a pool are children, too.
    case "kill-actor":
      return answerTo(supervisor.kill(command.actor));
    case "resume-actor":
      return answerTo(supervisor.resume(command.actor));
    case "arm-failpoint":
      return actor === undefined ? NO_ACTOR : answerTo(armFailpoint(actor, command.failpoint, command.times));
    case "list-letters":
      return actor === undefined ? NO_ACTOR : { fields: { letters: viewLetters(actor) } };
    case "replay-letter":
      return actor === undefined ? NO_ACTOR : answerTo(actor.replay(command.letter));
    default:
      return unreachable(command);
  }
}

function answerTo(result: Result<void, Failure>): CommandAnswer {
  return result.ok ? DONE : { refusal: { code: result.failure.code, message: reasonOf(result.failure) } };
}

function reasonOf(failure: Failure): string {
  if ("state" in failure) return `it is ${failure.state}`;
  if (failure.code === "runtime.not-replayed") return WHY_NOT[(failure as NotReplayed).reason];
  if (failure.code === "runtime.no-such-failpoint") return knownTo(failure as NoSuchFailpoint);
  return "there is no such actor";
}

function knownTo({ known }: NoSuchFailpoint): string {
  return known.length === 0 ? "it has no failpoints" : `its failpoints are ${known.join(", ")}`;
}
