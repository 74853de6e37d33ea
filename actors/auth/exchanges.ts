/**
 * The stream `fdc:token:exchange`: a token for a key that is approved, or for a token that still counts.
 *
 * The answer is where the producer looks: `fdc:token:resp:<producer_id>`. Whose that is the key or the token says, never the
 * payload; and only a key that a review has let in may say it, now or before: any other could write there what its producer
 * takes for an answer to itself. So an exchange that is refused is answered by `status: denied` to these, and silent otherwise;
 * so is a replay, which anybody can send who has seen a request.
 *
 * Tokens are renewed for `auth.renewalsMs` after the exchange that the first of them came of. Who has stolen one could go on for good
 * otherwise, also past the end of the certificate that the exchange took. With a key and a token the key counts. A renewal needs no signature, so it needs no nonce either; one that is there counts
 * once.
 */
import { tokenAnswers } from "#actors/auth/answer-streams.ts";
import type { Directory, Issued, ProducerId, Renewed, SignedRequest } from "#actors/auth/directory/directory.ts";
import type { Holder, Issuer } from "#actors/auth/issuer.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import {
  type Received,
  type RequestSeams,
  receive,
  tellUncertified,
  type Unverified,
  wasLetIn,
} from "#actors/auth/requests.ts";
import { isNonce } from "#actors/auth/signed-request.ts";
import { type VerifyingSeams, verifiedAnywhere } from "#actors/auth/verified.ts";
import type { JsonObject, JsonValue } from "#actors/domain/json-value.ts";
import type { Answer } from "#actors/domain/streams/answers.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import { requestFieldsIn, textIn } from "#actors/domain/streams/entry-fields.ts";
import type { Judge, Judged } from "#actors/domain/streams/judged.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

export const EXCHANGE_STREAM = "fdc:token:exchange";

export interface ExchangeSeams extends RequestSeams, VerifyingSeams {
  readonly directory: Outside<Directory>;
  /** For how long after an exchange what came of it is renewed. */
  readonly renewalsMs: () => number;
}

type Verified = Extract<Received, { kind: "received" }>;
type Answered = Promise<Result<Judged, AuthUnavailable>>;

interface Wanted {
  readonly producerId: Uuid;
  readonly subjectId: Uuid | undefined;
}

export function exchangeJudge(seams: ExchangeSeams): Judge {
  return async (entry, fields, within) => {
    const request = requestFieldsIn(fields);
    const token = textIn(fields, "token");
    if (request === undefined || token === undefined) return ok({ outcome: "unreadable" });
    if (request.pubkey === "" && token !== "") return renew(seams, { entry, request, token }, within);
    const received = await receive(
      seams,
      { entry, fields: request, operation: "exchange", needsCertificate: true },
      within,
    );
    if (!received.ok) return received;
    const { value } = received;
    if (value.kind === "unverified") return unverified(seams, value, within);
    if (value.kind === "refused") return deny(seams, value.request, value.reason, within);
    return exchange(seams, value, within);
  };
}

async function unverified(
  seams: ExchangeSeams,
  { reason, problem, fingerprint, request }: Unverified,
  within: Within,
): Answered {
  const told = await tellUncertified(seams, request, within);
  if (!told.ok) return told;
  if (told.value === undefined) return ok({ outcome: reason, problem, fingerprint });
  const detail = told.value.reason === reason ? problem : undefined;
  return ok({ ...denied(told.value, told.value.reason, detail), problem, fingerprint });
}

async function exchange(seams: ExchangeSeams, { request, verified }: Verified, within: Within): Answered {
  const { directory, issuer, gate } = seams;
  const wanted = wantedIn(verified.payload);
  if (wanted === undefined) {
    await gate.forget(request, within);
    return deny(seams, request, "invalid_payload", within);
  }
  const { fingerprint } = request;
  const token = issuer.next();
  const holder: Holder = { ...wanted, fingerprint };
  const issued = await directory.ask(within, (target, bounded) =>
    target.issue({ ...token, ...holder }, request, bounded),
  );
  if (!issued.ok) return issued;
  if (issued.value.kind === "issued") return ok(await given(issuer, token, holder, request.nonce));
  const reason = refusalIn(issued.value);
  if (reason === "unknown_key") await gate.forget(request, within);
  return deny(seams, request, reason, within);
}

async function renew(
  seams: ExchangeSeams,
  { entry, request, token }: { readonly entry: string; readonly request: RequestFields; readonly token: string },
  within: Within,
): Answered {
  const { gate, directory, issuer, renewalsMs } = seams;
  const { nonce } = request;
  if (nonce !== "" && !isNonce(nonce)) return ok({ outcome: "bad_nonce" });
  const verified = await verifiedAnywhere(seams, token, within);
  if (!verified.ok) return verified;
  const claims = verified.value;
  if (!claims.ok) return ok({ outcome: "bad_token", problem: claims.failure.reason });
  const { fp: fingerprint, jti, sub: producerId } = claims.value;
  // Without a nonce an entry is one by itself: it may come again, and counts once towards the rate.
  const asking = { fingerprint, nonce: nonce === "" ? entry : nonce, operation: "renew", entry } as const;
  const passed = await gate.pass(asking, within);
  if (!passed.ok) return passed;
  const whom = { producerId, fingerprint, nonce };
  if (passed.value === "replay") return ok({ outcome: passed.value });
  if (passed.value === "rate_limited") return ok(denied(whom, passed.value));

  const next = issuer.next();
  const since = next.issuedAt - Math.floor(renewalsMs() / second);
  const renewed = await directory.ask(within, (target, bounded) => target.renew(jti, next, since, bounded));
  if (!renewed.ok) return renewed;
  if (renewed.value.kind === "refused") return ok(denied(whom, renewed.value.reason));
  return ok(await given(issuer, next, holderOf(renewed.value), nonce));
}

async function given(
  issuer: Issuer,
  token: Parameters<Issuer["sign"]>[0],
  holder: Holder,
  nonce: string,
): Promise<Judged> {
  const { text, until } = await issuer.sign(token, holder);
  const { producerId, fingerprint } = holder;
  const fields = { fingerprint, producer_id: producerId, token: text, exp: until, nonce: orNone(nonce) };
  return { outcome: "issued", answer: { stream: tokenAnswers(producerId), fields } };
}

/** Whose the key is has to be looked up: what it says itself counts for nothing. */
async function deny(
  { directory }: ExchangeSeams,
  { fingerprint, nonce }: SignedRequest,
  reason: string,
  within: Within,
): Answered {
  if (reason === "unknown_key" || reason === "replay") return ok({ outcome: reason });
  const key = await directory.ask(within, (target, bounded) => target.keyOf(fingerprint, bounded));
  if (!key.ok) return key;
  if (key.value === undefined || !wasLetIn(key.value)) return ok({ outcome: reason });
  return ok(denied({ producerId: key.value.producerId, fingerprint, nonce }, reason));
}

function denied(
  {
    producerId,
    fingerprint,
    nonce,
  }: { readonly producerId: ProducerId; readonly fingerprint: string; readonly nonce: string },
  reason: string,
  detail?: string,
): Judged {
  const status = reason === "rate_limited" ? reason : "denied";
  const said = { status, reason, detail, nonce: orNone(nonce) };
  const fields: Answer["fields"] = { fingerprint, producer_id: producerId, ...said };
  return { outcome: reason, answer: { stream: tokenAnswers(producerId), fields } };
}

function wantedIn(payload: JsonObject): Wanted | undefined {
  const producerId = uuidIn(payload["producer_id"]);
  const subjectId = uuidIn(payload["subject_id"]);
  if (producerId === undefined || (subjectId === undefined && Object.hasOwn(payload, "subject_id"))) return undefined;
  return { producerId, subjectId };
}

function uuidIn(value: JsonValue | undefined): Uuid | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

function refusalIn(issued: Exclude<Issued, { kind: "issued" }>): string {
  return issued.kind === "replay" ? issued.kind : issued.reason;
}

function holderOf({ producerId, fingerprint, subjectId }: Extract<Renewed, { kind: "renewed" }>): Holder {
  return { producerId, fingerprint, subjectId };
}

function orNone(nonce: string): string | undefined {
  return nonce === "" ? undefined : nonce;
}
