/**
 * What came of a request, as it is recorded and as it is answered: two words, and the key's producer, which never changes. So a
 * request that is delivered again has the answer that it had.
 */
import type { Deregistered, Issued, KeyStatus, ProducerId, Registered } from "#actors/auth/directory/directory.ts";
import type { Outcome } from "#actors/auth/directory/held-key.ts";
import { Defect } from "#runtime/errors.ts";

type Refused = Extract<Issued, { kind: "refused" }>;
type DeniedReason = Extract<Registered, { kind: "denied" }>["reason"];

/** Why a producer is told that it is approved, where it had left. */
const RETURNED = "returned";

export function outcomeOf(answer: Registered | Deregistered | Issued): Outcome {
  const { kind } = answer;
  if (kind === "approved") return { kind, reason: answer.wasDisabled ? RETURNED : undefined };
  return kind === "denied" || kind === "refused" ? { kind, reason: answer.reason } : { kind };
}

export function registeredAs({ kind, reason }: Outcome, producerId: ProducerId): Registered {
  switch (kind) {
    case "pending":
    case "still-pending":
      return { kind, producerId };
    case "approved":
      return { kind, producerId, wasDisabled: reason === RETURNED };
    case "denied":
      return { kind, producerId, reason: wordIn(REGISTRATION_DENIED, reason) };
    default:
      throw unknown(kind);
  }
}

export function deregisteredAs({ kind, reason }: Outcome, producerId: ProducerId): Deregistered {
  switch (kind) {
    case "deregistered":
      return { kind, producerId };
    case "denied":
      return { kind, reason: wordIn(ENDED, reason) };
    default:
      throw unknown(kind);
  }
}

export function issuedAs({ kind, reason }: Outcome): Exclude<Issued, { kind: "replay" }> {
  switch (kind) {
    case "issued":
      return { kind };
    case "refused":
      return { kind, reason: wordIn(REFUSED, reason) };
    default:
      throw unknown(kind);
  }
}

const REGISTRATION_DENIED: readonly DeniedReason[] = ["revoked", "superseded", "ambiguous_payload"];
const ENDED: readonly Exclude<KeyStatus, "approved">[] = ["pending", "revoked", "superseded"];
const REFUSED: readonly Refused["reason"][] = ["key_not_approved", "wrong_producer", "producer_disabled"];

function wordIn<Word extends string>(words: readonly Word[], word: string | undefined): Word {
  const known = words.find((one) => one === word);
  if (known === undefined) throw unknown(word ?? "nothing");
  return known;
}

function unknown(word: string): Defect {
  return new Defect(`${word} is nothing that came of a request`);
}
