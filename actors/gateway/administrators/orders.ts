/**
 * The body of an administrator's request: JSON in any form, since what is signed is its canonical text, written anew.
 *
 * Members that are not known are passed over, as those of older clients are: `name` and `schema_id` of an approval decide
 * nothing here, where producers are known by their ids and schemas belong to subjects.
 */
import { readJson } from "#actors/domain/canonical-json.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#actors/domain/json-value.ts";
import { isPlainText } from "#actors/domain/ssh/wire.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import type { AdminRoute } from "#actors/gateway/administrators/routes.ts";
import type { AdminBodyTooLarge, BadOrder, HttpFailure } from "#actors/gateway/failures.ts";
import { isHttpFailure } from "#actors/gateway/status-table.ts";
import type { ByteSource } from "#runtime/byte-source.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { hour, KiB, second } from "#runtime/units.ts";

/** Longest body that administrators send. */
export const ADMIN_BODY_BYTES_MAX: number = 64 * KiB;
/** Characters of what an administrator says for a reason, or for others to read. */
export const ADMIN_TEXT_LENGTH_MAX = 1024;
/** Characters of what names a key or a token. */
export const ADMIN_NAME_LENGTH_MAX = 256;
/** How long a token is good for that comes with an approval, if nothing else is asked for, and at most. */
export const APPROVAL_TOKEN_MS: number = 1 * hour;

export interface ReviewOrder {
  readonly action: "approve" | "deny";
  readonly fingerprint: string;
  readonly producerId: Uuid;
  /** For the producer where it is denied, if it is given one. */
  readonly reason: string | undefined;
  readonly notes: string | undefined;
}

export interface BindingOrder {
  readonly action: "approve" | "deny";
  readonly producerId: Uuid;
  readonly subjectId: Uuid;
}

export interface RevokeOrder {
  readonly what: /** `text`: the token itself, if it was sent. */
    | { readonly kind: "token"; readonly jti: string; readonly text: string | undefined }
    | { readonly kind: "key"; readonly fingerprint: string };
  readonly reason: string;
}

export interface ApproveOrder {
  readonly fingerprint: string;
  readonly producerId: Uuid | undefined;
  readonly notes: string | undefined;
  readonly lifeMs: number;
}

/** What the body says; an empty one is `{}`. */
export async function readOrder(
  body: ByteSource | undefined,
  contentLength: number | undefined,
): Promise<Result<JsonObject, HttpFailure>> {
  if ((contentLength ?? 0) > ADMIN_BODY_BYTES_MAX) return tooLarge();
  const bytes = await readBytes(body);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return ok({});
  const read = readJson(bytes.value);
  if (!read.ok) return refused(`it is no JSON that everyone reads alike (${read.failure.problem})`);
  return isJsonObject(read.value) ? ok(read.value) : refused("it is no object");
}

/** What each order says, and the members in which it says that. */
const ORDERS: Readonly<Record<string, readonly [(said: JsonObject) => Result<unknown, BadOrder>, readonly string[]]>> =
  {
    "admin-review": [reviewIn, ["action", "producer_id", "fingerprint", "reason", "notes"]],
    "admin-revoke": [revokeIn, ["jti", "fingerprint", "reason"]],
    "admin-approve": [approveIn, ["fingerprint", "producer_id", "notes", "ttl_seconds"]],
    "ingest-review": [bindingIn, ["action", "producer_id", "subject_id"]],
  };

/** What of a body is for the log: what means something there, and only where it says what is wanted. */
export function auditedIn(route: AdminRoute["name"], said: JsonObject): Result<JsonObject, BadOrder> {
  const [read, members] = ORDERS[route] ?? [() => ok(), []];
  const wanted = read(said);
  if (!wanted.ok) return wanted;
  return ok(Object.fromEntries(Object.entries(said).filter(([name]) => members.includes(name))));
}

export function reviewIn(said: JsonObject): Result<ReviewOrder, BadOrder> {
  const { action, producer_id: producer, fingerprint, reason, notes } = said;
  if (action !== "approve" && action !== "deny") return refused("action is approve or deny");
  const producerId = uuidIn(producer);
  if (producerId === undefined) return refused("producer_id is a UUID");
  if (!isName(fingerprint)) return refused("fingerprint names a key");
  if (!isTextOrNone(reason) || !isTextOrNone(notes)) return refused(TEXT_FORM);
  return ok({ action, fingerprint, producerId, reason: reason ?? undefined, notes: notes ?? undefined });
}

export function bindingIn({
  action,
  producer_id: producer,
  subject_id: subject,
}: JsonObject): Result<BindingOrder, BadOrder> {
  if (action !== "approve" && action !== "deny") return refused("action is approve or deny");
  const [producerId, subjectId] = [uuidIn(producer), uuidIn(subject)];
  if (producerId === undefined) return refused("producer_id is a UUID");
  if (subjectId === undefined) return refused("subject_id is a UUID");
  return ok({ action, producerId, subjectId });
}

export function revokeIn({ jti, token, fingerprint, reason }: JsonObject): Result<RevokeOrder, BadOrder> {
  if (!isTextOrNone(reason)) return refused(TEXT_FORM);
  const why = { reason: reason ?? "revoked" };
  if (token !== undefined && typeof token !== "string") return refused("token is a text");
  if (isName(jti) && fingerprint === undefined) return ok({ what: { kind: "token", jti, text: token }, ...why });
  if (isName(fingerprint) && jti === undefined) return ok({ what: { kind: "key", fingerprint }, ...why });
  return refused("it names either a token by jti, or a key by fingerprint");
}

export function approveIn({
  fingerprint,
  producer_id: producer,
  notes,
  ttl_seconds: ttl = 3600,
}: JsonObject): Result<ApproveOrder, BadOrder> {
  const producerId = uuidIn(producer);
  if (producerId === undefined && producer !== undefined) return refused("producer_id is a UUID");
  if (!isName(fingerprint)) return refused("fingerprint names a key");
  if (!isTextOrNone(notes)) return refused(TEXT_FORM);
  if (typeof ttl !== "number" || !Number.isSafeInteger(ttl) || ttl <= 0)
    return refused("ttl_seconds is a whole number");
  const lifeMs = Math.min(ttl * second, APPROVAL_TOKEN_MS);
  return ok({ fingerprint, producerId, notes: notes ?? undefined, lifeMs });
}

const TEXT_FORM = `reason and notes are plain text of at most ${ADMIN_TEXT_LENGTH_MAX} characters`;
const NAME = new RegExp(`^[!-~]{1,${ADMIN_NAME_LENGTH_MAX}}$`);

function uuidIn(value: JsonValue | undefined): Uuid | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

function isName(value: JsonValue | undefined): value is string {
  return typeof value === "string" && NAME.test(value);
}

function isTextOrNone(value: JsonValue | undefined): value is string | null | undefined {
  if (value === undefined || value === null) return true;
  return typeof value === "string" && value.length <= ADMIN_TEXT_LENGTH_MAX && isPlainText(value);
}

async function readBytes(body: ByteSource | undefined): Promise<Result<Uint8Array, HttpFailure>> {
  const bytes = new Uint8Array(body === undefined ? 0 : ADMIN_BODY_BYTES_MAX + 1);
  let filled = 0;
  while (body !== undefined) {
    if (filled === bytes.length) return tooLarge();
    const count = await body.read(bytes.subarray(filled));
    const { failure } = body;
    if (failure !== undefined) return fail(isHttpFailure(failure) ? failure : { code: "gateway.body-truncated" });
    if (count <= 0) break;
    filled += count;
  }
  return ok(bytes.subarray(0, filled));
}

function tooLarge(): Result<never, AdminBodyTooLarge> {
  return fail({ code: "gateway.admin-body-too-large", sizeBytesMax: ADMIN_BODY_BYTES_MAX });
}

function refused(problem: string): Result<never, BadOrder> {
  return fail({ code: "gateway.bad-order", problem });
}
