/** The dead letters of an actor as its operator sees them: what each was, without what looks like a secret. */
import type { Actor } from "#runtime/actor.ts";
import type { DeadLetter } from "#runtime/dead-letters.ts";
import { redactFields } from "#runtime/telemetry/redact.ts";

/** Characters of a request that are shown. */
export const LETTER_TEXT_LENGTH_MAX = 200;

export interface LetterView extends Omit<DeadLetter, "request" | "wallMs"> {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The beginning of the request, as JSON; empty where it was not kept. */
  readonly request: string;
}

export function viewLetters(actor: Actor): readonly LetterView[] {
  return actor.deadLetters.map(({ request, wallMs, ...facts }) => ({
    ...facts,
    at: new Date(wallMs).toISOString(),
    request: facts.isReplayable ? describe(request) : "",
  }));
}

function describe(request: unknown): string {
  const text = JSON.stringify(redactFields({ request })["request"]) ?? "";
  return text.length <= LETTER_TEXT_LENGTH_MAX ? text : `${text.slice(0, LETTER_TEXT_LENGTH_MAX - 1)}…`;
}
