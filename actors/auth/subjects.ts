/**
 * Requests about subjects: whether their producer may make them. What comes of them is not ours.
 *
 * As long as a request is not done it may be asked about again, from its entry; it is judged by what its key is now.
 */
import type { Directory, SignedRequest } from "#actors/auth/directory/directory.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable, SubjectRefusal, SubjectVerdict } from "#actors/auth/protocol.ts";
import { type RequestSeams, receive, tellUncertified, wasLetIn } from "#actors/auth/requests.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";

export interface SubjectSeams extends RequestSeams {
  readonly directory: Outside<Directory>;
}

type Judged = Promise<Result<SubjectVerdict, AuthUnavailable>>;

export async function judgeSubject(
  seams: SubjectSeams,
  { entry, fields }: { readonly entry: string; readonly fields: RequestFields },
  within: Within,
): Judged {
  const { directory, gate } = seams;
  const received = await receive(seams, { entry, fields, operation: "subject", needsCertificate: true }, within);
  if (!received.ok) return received;
  const { value } = received;
  if (value.kind === "unverified") {
    const { problem } = value;
    const told = await tellUncertified(seams, value.request, within);
    if (!told.ok) return told;
    const { reason, producerId } = told.value ?? { reason: value.reason, producerId: undefined };
    return ok({ kind: "refused", reason, problem, producerId });
  }
  const { request } = value;
  if (value.kind === "refused") return refuse(seams, request, value.reason, value.problem, within);

  const spent = await directory.ask(within, (target, bounded) => target.spend(request, bounded));
  if (!spent.ok) return spent;
  if (spent.value.kind === "replay") return refuse(seams, request, "replay", "replay", within);
  if (spent.value.kind === "unknown-key") {
    await gate.forget(request, within);
    return ok({ kind: "refused", reason: "unknown_key", problem: "unknown-key", producerId: undefined });
  }
  const { key, isRedelivery } = spent.value;
  const { producerId, status, fingerprint } = key;
  if (status !== "approved") {
    const told = wasLetIn(key) ? producerId : undefined;
    return ok({ kind: "refused", reason: "key_not_approved", problem: status, producerId: told, status });
  }
  if (key.isDisabled) return ok({ kind: "refused", reason: "producer_disabled", problem: "disabled", producerId });
  return ok({ kind: "judged", producerId, fingerprint, payload: value.verified.payloadText, isRedelivery });
}

/** A replay may be sent by anybody who has seen the request: nobody is told. */
async function refuse(
  { directory }: SubjectSeams,
  { fingerprint }: SignedRequest,
  reason: SubjectRefusal,
  problem: string,
  within: Within,
): Judged {
  const refusal = { kind: "refused", reason, problem } as const;
  if (reason === "replay") return ok({ ...refusal, producerId: undefined });
  const key = await directory.ask(within, (target, bounded) => target.keyOf(fingerprint, bounded));
  if (!key.ok) return key;
  const isLetIn = key.value !== undefined && wasLetIn(key.value);
  return ok({ ...refusal, producerId: isLetIn ? key.value.producerId : undefined });
}
