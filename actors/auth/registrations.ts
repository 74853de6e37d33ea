/**
 * The stream `fdc:register`: producers come, with their keys, leave, and come back (seed 004, cases 1 to 5).
 *
 * The answer is where only who made up the nonce looks for it: `fdc:register:resp:<nonce>`. A key that waits already is not
 * answered (case 4).
 */
import { registerAnswers } from "#actors/auth/answer-streams.ts";
import type { Deregistered, Directory, Registered, SignedRequest } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { type Received, type RequestSeams, receive, type Unverified } from "#actors/auth/requests.ts";
import { saidIn } from "#actors/auth/said.ts";
import type { Answer } from "#actors/domain/streams/answers.ts";
import { requestFieldsIn, textIn } from "#actors/domain/streams/entry-fields.ts";
import type { Judge, Judged } from "#actors/domain/streams/judged.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export const REGISTER_STREAM = "fdc:register";

export interface RegistrationSeams extends RequestSeams {
  readonly directory: Outside<Directory>;
  readonly pendingMax: () => number;
}

type Verified = Extract<Received, { kind: "received" }>;

/** As older producers know it, for what is not as it should be. */
const WHY: Readonly<Record<string, string>> = {
  invalid_cert: "certificate_verification_failed",
  invalid_sig: "signature_verification_failed",
  replay: "duplicate_nonce",
};

export function registrationJudge(seams: RegistrationSeams): Judge {
  return async (entry, fields, within) => {
    const request = requestFieldsIn(fields);
    const action = textIn(fields, "action");
    if (request === undefined || action === undefined) return ok({ outcome: "unreadable" });
    const operation = operationOf(action);
    if (operation === undefined) return ok({ outcome: "unknown_action" });
    const received = await receive(seams, { entry, fields: request, operation, needsCertificate: false }, within);
    if (!received.ok) return received;
    const { value } = received;
    if (value.kind === "unverified") return ok(unverified(value, request.nonce));
    if (value.kind === "refused") return ok(refused(value.request, value.reason, value.problem));
    return operation === "register" ? register(seams, value, within) : deregister(seams, value, within);
  };
}

/** The registration itself, for whoever answers it: undefined where the payload is none. */
export async function registerWith(
  { directory, pendingMax, gate }: RegistrationSeams,
  { request, verified, purpose }: Verified,
  within: Within,
): Promise<Result<Registered | undefined, AuthUnavailable>> {
  const said = saidIn(verified.payload);
  const { keyLine, textFingerprint, certificate } = verified;
  const registered =
    said === undefined
      ? ok(undefined)
      : await directory.ask(within, (target, bounded) => {
          const isUnmistakable = purpose === "register";
          const key = { keyLine, textFingerprint, certificate };
          const registration = { ...said, ...key, request, isUnmistakable, pendingMax: pendingMax() };
          return target.register(registration, bounded);
        });
  // Of a key that nobody knows, and that is not taken, nothing is to be kept in Redis either.
  if (registered.ok && isNothingKept(registered.value)) await gate.forget(request, within);
  return registered;
}

async function register(
  seams: RegistrationSeams,
  received: Verified,
  within: Within,
): Promise<Result<Judged, AuthUnavailable>> {
  const { request } = received;
  const registered = await registerWith(seams, received, within);
  if (!registered.ok) return registered;
  const { value } = registered;
  if (value === undefined) return ok(refused(request, "invalid_payload", "bad-member"));
  switch (value.kind) {
    case "still-pending":
      return ok({ outcome: value.kind });
    case "pending":
    case "approved":
      return ok(answered(value.kind, request, { producer_id: value.producerId, status: value.kind }));
    case "denied": {
      const { producerId, reason } = value;
      return ok(answered("denied", request, { producer_id: producerId, status: "denied", reason }));
    }
    case "full":
      return ok(answered("full", request, { status: "rate_limited", reason: "too_many_pending" }));
    case "replay":
      return ok(refused(request, "replay", "replay"));
  }
}

async function deregister(
  { directory, gate }: RegistrationSeams,
  { request }: Verified,
  within: Within,
): Promise<Result<Judged, AuthUnavailable>> {
  const deregistered = await directory.ask(within, (target, bounded) => target.deregister(request, bounded));
  if (!deregistered.ok) return deregistered;
  const { value } = deregistered;
  if (isUnknown(value)) await gate.forget(request, within);
  switch (value.kind) {
    case "deregistered":
      return ok(answered(value.kind, request, { producer_id: value.producerId, status: value.kind }));
    case "denied":
      return ok(answered("denied", request, { status: "denied", reason: reasonOf(value.reason) }));
    case "replay":
      return ok(refused(request, "replay", "replay"));
  }
}

function operationOf(action: string): "register" | "deregister" | undefined {
  if (action === "" || action === "register") return "register";
  return action === "deregister" ? action : undefined;
}

/** A nonce that is none is part of no name of ours. */
function unverified({ reason, problem, fingerprint }: Unverified, nonce: string): Judged {
  if (reason === "bad_nonce") return { outcome: reason, problem };
  const stream = registerAnswers(nonce);
  const known = WHY[reason];
  // Whoever asks has the certificate, and sees in it what is said of it here.
  const fields =
    known === undefined ? { status: reason, reason: problem } : { status: reason, reason: known, detail: problem };
  return { outcome: reason, problem, fingerprint, answer: { stream, fields, isToAnybody: true } };
}

/** A replay is sent by anybody who has seen the request: its sender is nobody in particular. */
function refused(request: SignedRequest, status: string, problem: string): Judged {
  const said = { status, reason: WHY[status] ?? problem };
  return { ...answered(status, request, said, status === "replay"), problem };
}

function answered(
  outcome: string,
  { fingerprint, nonce }: SignedRequest,
  said: Answer["fields"],
  isToAnybody = false,
): Judged {
  return { outcome, answer: { stream: registerAnswers(nonce), fields: { fingerprint, ...said }, isToAnybody } };
}

function isNothingKept(registered: Registered | undefined): boolean {
  if (registered === undefined || registered.kind === "full") return true;
  return registered.kind === "denied" && registered.producerId === undefined;
}

function isUnknown(deregistered: Deregistered): boolean {
  return deregistered.kind === "denied" && deregistered.reason === "unknown_key";
}

function reasonOf(reason: Extract<Deregistered, { kind: "denied" }>["reason"]): string {
  return reason === "pending" ? "key_not_approved" : reason;
}
