/** What an operator can do with an actor of this cell, and what is said of it. */
import type { Actor } from "#runtime/actor.ts";
import { type Failure, type Result, unreachable } from "#runtime/errors.ts";
import { viewLetters } from "#supervisor/cell/letters.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { type ActorCommand, type CommandAnswer, DONE } from "#supervisor/wire.ts";

const NOT_UP: CommandAnswer = { refusal: { code: "supervisor.not-running", message: "it is starting" } };

/** `supervisor` is not there before the cell is up. */
export function obey(
  command: ActorCommand,
  actors: ReadonlyMap<string, Actor>,
  supervisor: Supervisor | undefined,
): CommandAnswer {
  if (supervisor === undefined) return NOT_UP;
  const actor = actors.get(command.actor);
  if (actor === undefined) {
    return { refusal: { code: "supervisor.no-such-child", message: "there is no such actor" } };
  }
  switch (command.kind) {
    case "kill-actor":
      return answerTo(supervisor.kill(command.actor));
    case "resume-actor":
      return answerTo(supervisor.resume(command.actor));
    case "list-letters":
      return { fields: { letters: viewLetters(actor) } };
    case "replay-letter":
      return answerTo(actor.replay(command.letter));
    default:
      return unreachable(command);
  }
}

function answerTo(result: Result<void, Failure>): CommandAnswer {
  return result.ok ? DONE : { refusal: { code: result.failure.code, message: reasonOf(result.failure) } };
}

function reasonOf(failure: Failure): string {
  if ("state" in failure) return `it is ${failure.state}`;
  if ("reason" in failure && "letter" in failure)
    return `letter ${failure.letter} stays where it is: ${failure.reason}`;
  return "there is no such actor";
}
