/**
 * The stream `fdc:subject:register`: subjects, and the schemas that their events are written under.
 *
 * Who asks, and whether it may, auth says. The answer is where the producer looks, `fdc:subject:resp:<producer_id>`; a request of
 * nobody who is known is answered nowhere. Both operations may be done twice: an entry that is delivered again is done and
 * answered again.
 */
import type { AuthProtocol, SubjectVerdict } from "#actors/auth/protocol.ts";
import { canonicalText, readCanonical } from "#actors/domain/canonical-json.ts";
import { isJsonObject, type JsonObject } from "#actors/domain/json-value.ts";
import type { Answer } from "#actors/domain/streams/answers.ts";
import { requestFieldsIn } from "#actors/domain/streams/entry-fields.ts";
import type { Judge, Judged } from "#actors/domain/streams/judged.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { Bindings } from "#actors/ingest/bindings.ts";
import type { EventRows, RowsFailure, SubjectAnswer } from "#actors/ingest/rows/event-rows.ts";
import { isOfAValue } from "#actors/ingest/rows/of-a-value.ts";
import { readSubjectRequest, type SubjectRequest } from "#actors/ingest/subject-request.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

/** Name of the stream. */
export const SUBJECT_STREAM = "fdc:subject:register";
/** Longest wait for what auth says of a request. */
export const JUDGE_SUBJECT_MS_MAX: number = 10 * second;
/** Of an operation that nobody knows, so many characters are told again. */
export const OP_LENGTH_MAX = 64;

export interface SubjectSeams {
  readonly auth: Ref<AuthProtocol>;
  readonly rows: EventRows;
  readonly bindings: Bindings;
  readonly clock: Clock;
}

export function subjectAnswers(producerId: string): string {
  return `fdc:subject:resp:${producerId}`;
}

export function subjectJudge(seams: SubjectSeams): Judge {
  return async (entry, fields, within) => {
    const request = requestFieldsIn(fields);
    if (request === undefined) return ok({ outcome: "unreadable" });
    const options = { timeoutMs: JUDGE_SUBJECT_MS_MAX, within, whenFull: "wait" } as const;
    const judged = await seams.auth.call("judgeSubject", { entry, fields: request }, options);
    if (!judged.ok) return judged;
    const verdict = judged.value;
    const { nonce } = request;
    return verdict.kind === "refused" ? ok(refusedBy(verdict, nonce)) : act(seams, verdict, nonce, within);
  };
}

async function act(
  seams: SubjectSeams,
  { producerId, payload }: Extract<SubjectVerdict, { kind: "judged" }>,
  nonce: string,
  within: Within,
): Promise<Result<Judged, Failure>> {
  const producer = parseUuid(producerId);
  const read = readCanonical(Buffer.from(payload));
  assert(producer !== undefined && read.ok && isJsonObject(read.value), "what auth has judged is a producer's object");
  const wanted = readSubjectRequest(read.value);
  if (!wanted.ok) {
    const { reason, member } = wanted.failure;
    const op = reason === "unknown_op" ? opOf(read.value) : undefined;
    return ok(denied({ producerId, nonce, error: reason, details: member, op }));
  }
  const done = await perform(seams, producer, wanted.value, within);
  // It would be refused for ever, and nobody behind it would be heard.
  if (!done.ok && isOfAValue(done.failure)) {
    return ok(denied({ producerId, nonce, error: "not_storable", details: done.failure.state, op: wanted.value.op }));
  }
  if (!done.ok) return done;
  const answer = done.value;
  if (answer.kind === "refused") return ok(denied({ producerId, nonce, error: answer.reason, op: wanted.value.op }));
  seams.bindings.forget({ producerId: producer, subjectId: answer.subjectId });
  return ok({
    outcome: answer.isUnchanged ? "unchanged" : wanted.value.op,
    answer: {
      stream: subjectAnswers(producerId),
      fields: {
        status: "ok",
        producer_id: producerId,
        subject_id: answer.subjectId,
        schema_id: answer.schemaId,
        schema_name: answer.schemaName,
        schema_version: String(answer.schemaVersion),
        unchanged: String(answer.isUnchanged),
        nonce,
      },
    },
  });
}

/** As it is told again: its beginning, and of what is no string, which has no sure way to become one, its canonical text. */
function opOf({ op }: JsonObject): string | undefined {
  if (op === undefined) return undefined;
  return (typeof op === "string" ? op : canonicalText(op)).slice(0, OP_LENGTH_MAX);
}

function perform(
  { rows, clock }: SubjectSeams,
  producerId: Uuid,
  wanted: SubjectRequest,
  within: Within,
): Promise<Result<SubjectAnswer, RowsFailure>> {
  const atMs = Math.floor(clock.wallMs());
  return wanted.op === "register"
    ? rows.registerSubject({ ...wanted, producerId, atMs }, within)
    : rows.upgradeSubject({ ...wanted, producerId, atMs }, within);
}

function refusedBy(
  { reason, problem, producerId, status }: Extract<SubjectVerdict, { kind: "refused" }>,
  nonce: string,
): Judged {
  if (producerId === undefined) return { outcome: reason, problem };
  return { ...denied({ producerId, nonce, error: reason, key_status: status }), problem };
}

function denied({
  producerId,
  ...fields
}: { readonly producerId: string; readonly error: string } & Answer["fields"]): Judged {
  const answer = {
    stream: subjectAnswers(producerId),
    fields: { status: "denied", producer_id: producerId, ...fields },
  };
  return { outcome: fields.error, answer };
}
