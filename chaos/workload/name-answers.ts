/**
 * What an answer of a node says of a name. Whether a set that was not answered well may have been done is decided as its owner
 * decides it, by the rule of `client/names.ts`: so that rule is tried too.
 */
import { decodeNameRecord, type NameRecord } from "#actors/domain/name-record.ts";
import type { NameAnswer, NameEvidence } from "#chaos/checkers/name-model.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import { fieldsIn } from "#chaos/workload/said.ts";
import type { WorldAnswer } from "#chaos/world.ts";
import { isFateOpen } from "#client/names.ts";
import { assert } from "#runtime/errors.ts";

/** Everything that was signed, by digest: what a node shows must be one of these, as it is. */
export type SignedRecords = ReadonlyMap<string, NameRecord>;

type Fields = Readonly<Record<string, unknown>>;
/** Undefined for what is no answer of this kind: then it is a refusal. */
type Reader = (answer: WorldAnswer, signed: SignedRecords) => NameAnswer | undefined;

const UNKNOWN = { kind: "unknown" } as const;
const NOTHING = { kind: "nothing" } as const;

export function outcomeOfSet(answer: WorldAnswer | undefined, signed: SignedRecords): Outcome<NameAnswer> {
  if (answer === undefined || !answer.complete) return UNKNOWN;
  if (answer.status === 200) return { kind: "ok", answer: { kind: "set" } };
  const fields = fieldsIn(answer);
  const seen = answerOfConflict(fields, signed);
  if (seen !== undefined) return { kind: "ok", answer: seen };
  mayBeTriedAgain(answer, fields);
  return isFateOpen(String(fields["code"])) ? UNKNOWN : { kind: "refused" };
}

/** `known` is the digest that an `If-None-Match` named. */
export function outcomeOfResolve(
  answer: WorldAnswer | undefined,
  signed: SignedRecords,
  known: string | undefined,
): Outcome<NameAnswer> {
  return outcomeOfRead(answer, signed, (said) => {
    if (said.status === 304 && known !== undefined) return { kind: "leads", digest: known };
    if (said.status === 200) return { kind: "leads", digest: digestIn(said, signed) };
    const fields = fieldsIn(said);
    if (fields["code"] === "index.name-unknown") return NOTHING;
    if (fields["code"] !== "overlay.name-expired") return answerOfConflict(fields, signed);
    return { kind: "expired", digest: digestOf(fields["record"], signed) };
  });
}

export function outcomeOfHistory(answer: WorldAnswer | undefined, signed: SignedRecords): Outcome<NameAnswer> {
  return outcomeOfRead(answer, signed, (said) => {
    const fields = fieldsIn(said);
    if (fields["code"] === "index.name-unknown") return NOTHING;
    if (said.status !== 200) return undefined;
    const digests = listIn(fields["history"]).map((record) => digestOf(record, signed));
    const evidence = fields["frozen"] === true ? evidenceIn(fields, signed) : undefined;
    return { kind: "history", digests, evidence };
  });
}

/** Of a list of the names of a key what it says of the one with `label`. */
export function outcomeOfList(
  answer: WorldAnswer | undefined,
  signed: SignedRecords,
  label: string,
): Outcome<NameAnswer> {
  return outcomeOfRead(answer, signed, (said) => {
    if (said.status !== 200) return undefined;
    const fields = fieldsIn(said);
    assert(fields["done"] === true, "a workload has no more names than are listed at once");
    const entry = listIn(fields["names"]).find((record) => isFields(record) && record["name"] === label);
    if (!isFields(entry)) return NOTHING;
    return { kind: "listed", digest: digestOf(entry, signed), isFrozen: entry["frozen"] === true };
  });
}

function outcomeOfRead(answer: WorldAnswer | undefined, signed: SignedRecords, read: Reader): Outcome<NameAnswer> {
  if (answer === undefined || !answer.complete) return UNKNOWN;
  const seen = read(answer, signed);
  if (seen !== undefined) return { kind: "ok", answer: seen };
  mayBeTriedAgain(answer, fieldsIn(answer));
  return { kind: "refused" };
}

function answerOfConflict(fields: Fields, signed: SignedRecords): NameAnswer | undefined {
  const { code, current } = fields;
  if (code === "index.name-frozen") return { kind: "frozen", evidence: evidenceIn(fields, signed) };
  if (code !== "index.name-conflict") return undefined;
  return { kind: "conflict", current: current === null ? undefined : digestOf(current, signed) };
}

function evidenceIn({ evidence }: Fields, signed: SignedRecords): NameEvidence {
  const [known, rival] = listIn(evidence);
  return [digestOf(known, signed), digestOf(rival, signed)];
}

/** In the form that was asked for. */
function digestIn(answer: WorldAnswer, signed: SignedRecords): string {
  if (answer.headers["content-type"]?.startsWith("application/json") === true) {
    return digestOf(fieldsIn(answer), signed);
  }
  const record = decodeNameRecord(answer.body);
  const shown = record.ok ? signed.get(record.value.digest) : undefined;
  return shown !== undefined && Buffer.compare(shown.bytes, answer.body) === 0 ? shown.digest : "what nobody signed";
}

/** Of a record as JSON, if it is one that was signed, in every field. */
function digestOf(said: unknown, signed: SignedRecords): string {
  const fields: Fields = isFields(said) ? said : {};
  const record = signed.get(String(fields["digest"]));
  if (record === undefined) return "what nobody signed";
  const { label, seq, prev, value, exp, publicKey, signature } = record;
  const expected = [label, seq, prev, value, exp, publicKey, Buffer.from(signature).toString("hex")];
  const shown = ["name", "seq", "prev", "value", "exp", "pub", "sig"].map((field) => fields[field]);
  return expected.every((field, at) => field === shown[at]) ? record.digest : "what nobody signed";
}

function mayBeTriedAgain({ status, body }: WorldAnswer, { retryable }: Fields): void {
  const said = Buffer.from(body).toString("utf8").slice(0, 300);
  assert(retryable === true, `a request for a name may be tried again: ${status} ${said}`);
}

function isFields(said: unknown): said is Fields {
  return typeof said === "object" && said !== null && !Array.isArray(said);
}

function listIn(said: unknown): readonly unknown[] {
  return Array.isArray(said) ? said : [];
}
