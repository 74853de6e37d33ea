/**
 * Registrations of protocol 0.1.0 (seed 000), on the stream that is named for them: a key that is approved is given a token at once,
 * but not more often than once in `AUTO_ISSUE_MS`; any other waits for a review.
 *
 * Nothing else is answered, and where no stream for tokens is named not even that. What is signed is what a registration of
 * lean v1 is, so one may be sent for the other before it arrives: it then comes to a token for its own producer, on the one
 * stream that all older producers read. Who names these streams accepts that.
 */

import type { Issuer } from "#actors/auth/issuer.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { AuthUnavailable } from "#actors/auth/protocol.ts";
import { type RegistrationSeams, registerWith } from "#actors/auth/registrations.ts";
import { receive } from "#actors/auth/requests.ts";
import { isBytesOf } from "#actors/auth/words.ts";
import type { Answer } from "#actors/domain/streams/answers.ts";
import { requestFieldsIn } from "#actors/domain/streams/entry-fields.ts";
import type { Judge, Judged } from "#actors/domain/streams/judged.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { hour } from "#runtime/units.ts";

/** Between two tokens that one key is given by registrations of protocol 0.1.0. */
export const AUTO_ISSUE_MS: number = 1 * hour;
/** Tokens in the stream that all older producers read; the oldest goes. */
export const LEGACY_ANSWERS_MAX = 4096;

export interface LegacySeams extends RegistrationSeams {
  readonly redis: Outside<Redis>;
  readonly issuer: Issuer;
}

/** `answers`: the stream for tokens; empty for none. */
export function legacyRegistrationJudge(seams: LegacySeams, answers: string): Judge {
  return async (entry, fields, within) => {
    const request = requestFieldsIn(fields);
    if (request === undefined) return ok({ outcome: "unreadable" });
    const sent = { entry, fields: request, operation: "register", needsCertificate: false } as const;
    const received = await receive(seams, sent, within);
    if (!received.ok) return received;
    const { value } = received;
    if (value.kind === "unverified") {
      const { reason, problem, fingerprint } = value;
      return ok({ outcome: reason, problem, fingerprint });
    }
    if (value.kind === "refused") return ok({ outcome: value.reason, problem: value.problem });
    const registered = await registerWith(seams, value, within);
    if (!registered.ok) return registered;
    if (registered.value === undefined) return ok({ outcome: "invalid_payload", problem: "bad-member" });
    const { value: came } = registered;
    if (came.kind !== "approved" || answers === "") return ok({ outcome: came.kind });
    return autoIssue(
      seams,
      { entry, producerId: came.producerId, fingerprint: value.request.fingerprint },
      answers,
      within,
    );
  };
}

async function autoIssue(
  { redis, directory, issuer }: LegacySeams,
  {
    entry,
    producerId,
    fingerprint,
  }: { readonly entry: string; readonly producerId: string; readonly fingerprint: string },
  stream: string,
  within: Within,
): Promise<Result<Judged, AuthUnavailable>> {
  const slot = `auth:auto-issue:${fingerprint}`;
  const taken = await redis.ask(within, (one, bounded) =>
    one.call(["SET", slot, entry, "NX", "GET", "PX", AUTO_ISSUE_MS], bounded),
  );
  if (!taken.ok) return taken;
  // The same entry may have been given one that nobody has heard of.
  if (taken.value !== null && !isBytesOf(taken.value, entry)) return ok({ outcome: "approved" });

  const token = issuer.next();
  const holder = { producerId, fingerprint, subjectId: undefined };
  const issued = await directory.ask(within, (target, bounded) =>
    target.issue({ ...token, ...holder }, undefined, bounded),
  );
  if (!issued.ok) return issued;
  if (issued.value.kind !== "issued") return ok({ outcome: "refused" });
  const { text } = await issuer.sign(token, holder);
  const answer: Answer = { stream, fields: { fingerprint, token: text }, lengthMax: LEGACY_ANSWERS_MAX };
  return ok({ outcome: "issued", answer });
}
