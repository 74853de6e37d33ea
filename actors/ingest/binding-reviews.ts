/**
 * People decide who may write about somebody else's subject.
 *
 * What is decided is decided when it is answered, whether or not the producer could be told; it counts on this node from then on, and
 * on others when what they remember is over. For a Redis that says nothing is waited as long as for every other answer of it.
 */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import type { Answers } from "#actors/domain/streams/answers.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import type { Bindings } from "#actors/ingest/bindings.ts";
import type { BindingOrder, BindingReviewed, ProducerUnknown, SubjectUnknown } from "#actors/ingest/protocol.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { subjectAnswers } from "#actors/ingest/subjects.ts";
import type { Clock } from "#runtime/clock.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { RedisFailure } from "#runtime/redis/redis.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import { second } from "#runtime/units.ts";

/** Longest wait for what auth knows of a producer. */
export const HAS_PRODUCER_MS_MAX: number = 10 * second;

export interface BindingReviewSeams {
  readonly auth: Ref<AuthProtocol>;
  /** Whose the events of older producers are that come without a token: auth need not know it. */
  readonly legacyProducer: () => Uuid | undefined;
  readonly rows: Pick<EventRows, "reviewBinding">;
  readonly bindings: Bindings;
  readonly answers: Answers<RedisFailure>;
  readonly clock: Clock;
}

export async function reviewBinding(
  { auth, legacyProducer, rows, bindings, answers, clock }: BindingReviewSeams,
  { action, producerId, subjectId, reviewer }: BindingOrder,
  within: Within,
): Promise<Result<BindingReviewed, ProducerUnknown | SubjectUnknown | Failure>> {
  if (producerId !== legacyProducer()) {
    const known = await auth.call("hasProducer", { producerId }, { timeoutMs: HAS_PRODUCER_MS_MAX, within });
    if (!known.ok) return known;
    if (!known.value) return fail({ code: "ingest.producer-unknown", producerId });
  }
  const pair = { producerId, subjectId };
  const review = { ...pair, isApproved: action === "approve", reviewer, atMs: Math.floor(clock.wallMs()) };
  const reviewed = await rows.reviewBinding(review, within);
  // Also after a failure: it may have been done.
  bindings.forgetReviewed(pair);
  if (!reviewed.ok) return reviewed;
  const subjectKey = reviewed.value;
  if (subjectKey === undefined) return fail({ code: "ingest.subject-unknown", subjectId });

  const verdict = action === "approve" ? { status: "approved" } : { status: "denied", error: "review_denied" };
  const fields = { ...verdict, producer_id: producerId, subject_id: subjectId, subject_key: subjectKey };
  const told = await answers.write({ stream: subjectAnswers(producerId), fields }, within);
  return ok({ subjectKey, isTold: told.ok && told.value });
}
