/** A dead letter is judged once more, as the entry that it was. */
import type { DeadLetters, KeptLetter } from "#actors/ingest/dead-letters.ts";
import { type Asked, judge, type Moment } from "#actors/ingest/judge.ts";
import type { DeadLetterUnknown, Redriven } from "#actors/ingest/protocol.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { isCut } from "#actors/ingest/shown-letter.ts";
import { refusalOf } from "#actors/ingest/writer.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { parseId } from "#runtime/redis/entry-id.ts";
import type { Within } from "#runtime/ref.ts";

export interface RedriveSeams {
  readonly deadLetters: DeadLetters;
  readonly asked: Asked<Failure>;
  readonly rows: EventRows;
  readonly moment: () => Moment;
}

/** The letter goes after its row is committed: one that was redriven twice is `same`. */
export async function redrive(
  { deadLetters, asked, rows, moment }: RedriveSeams,
  letterId: string,
  within: Within,
): Promise<Result<Redriven, DeadLetterUnknown | Failure>> {
  const found = await deadLetters.find(letterId, within);
  if (!found.ok) return found;
  const letter = found.value;
  // Where others may write to the stream, one may be of no entry.
  const isEntry = letter !== undefined && parseId(letter.id) !== undefined;
  if (!isEntry) return fail({ code: "ingest.dead-letter-unknown", letterId });

  if (isCut(letter))
    return ok({ kind: "still-dead", reason: letter.reason, error: "only the beginning of it is kept" });
  const judged = await judge([entryOf(letter)], askedFor(letter, asked), moment(), within);
  if (!judged.ok) return judged;
  const [verdict] = judged.value;
  assert(verdict !== undefined, "there is a verdict on every entry");
  if (verdict.kind === "undecided") return fail({ code: "ingest.unavailable", cause: verdict.cause });
  if (verdict.kind === "dead") return ok({ kind: "still-dead", reason: verdict.reason, error: verdict.error });
  const redriven = verdict.kind === "notice" ? ok(NOTHING) : await writeRow(rows, verdict.row, within);
  if (!redriven.ok || redriven.value.kind === "still-dead") return redriven;
  const dropped = await deadLetters.drop(letterId, within);
  return dropped.ok ? redriven : dropped;
}

const NOTHING: Redriven = { kind: "nothing-to-write" };

async function writeRow(
  rows: EventRows,
  row: Parameters<EventRows["write"]>[0][number],
  within: Within,
): Promise<Result<Redriven, Failure>> {
  const written = await rows.write([row], within);
  if (!written.ok) return written;
  const [outcome] = written.value;
  assert(outcome !== undefined, "there is an outcome for every row");
  const refused = refusalOf(outcome);
  if (refused !== undefined) return ok({ kind: "still-dead", ...refused });
  assert(outcome.kind === "new" || outcome.kind === "same", "what is not refused is there");
  return ok({ kind: "written", outcome: outcome.kind });
}

/** That it was delivered often says nothing any more. */
function entryOf({ id, payload, token }: KeptLetter): Parameters<typeof judge>[0][number] {
  const fields = new Map([
    ["payload", payload],
    ["token", token],
  ]);
  return { id, fields, deliveryCount: 1 };
}

/** Who sent it was found out when it came, by a token that is over now. */
function askedFor({ sender }: KeptLetter, asked: Asked<Failure>): Asked<Failure> {
  if (sender === undefined) return asked;
  return {
    admit: async (tokens) => ok(tokens.map(() => ({ kind: "admitted", ...sender }))),
    bindings: (pairs, within) => asked.bindings(pairs, within),
    legacy: (uses, within) => asked.legacy(uses, within),
  };
}
