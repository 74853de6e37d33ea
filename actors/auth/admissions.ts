/**
 * What tokens are good for.
 *
 * A token counts where one of our keys has signed it, at its time, and the directory knows it, with its key approved, its producer
 * there, and neither it nor what it came of revoked. What the directory says is remembered, by the text of the token, as
 * long as `Revocations` lets it count, and is asked again after `ADMISSION_MS` where it can be; that nobody knows a token is
 * not, because no change tells of a new one. That a text is signed stays true, so it is not found out again before the token is over.
 */
import type { Directory, TokenFacts } from "#actors/auth/directory/directory.ts";
import type { Issuer } from "#actors/auth/issuer.ts";
import type { KeyRing } from "#actors/auth/key-ring.ts";
import type { Outside } from "#actors/auth/outside.ts";
import type { Admission, AuthUnavailable } from "#actors/auth/protocol.ts";
import type { Moment, Revocations } from "#actors/auth/revocations.ts";
import type { Claims } from "#actors/domain/tokens/claims.ts";
import type { TokenRefusedReason } from "#actors/domain/tokens/token.ts";
import type { Clock } from "#runtime/clock.ts";
import { assert, fail, ok, type Result } from "#runtime/errors.ts";
import { LruCache } from "#runtime/lru-cache.ts";
import type { Within } from "#runtime/ref.ts";
import { MiB, second } from "#runtime/units.ts";

/** Tokens of one question. */
export const ADMIT_TOKENS_MAX = 8192;
/** How old an answer of the directory is when it is asked for again. */
export const ADMISSION_MS: number = 60 * second;
/** What is remembered of tokens that are signed, about: some 16 000. */
export const ADMISSIONS_BYTES_MAX: number = 16 * MiB;
/** The same of texts that are none. They drive out no others. */
export const REFUSALS_BYTES_MAX: number = 2 * MiB;

/** Beside the text: claims, an answer, and its place. */
const ENTRY_BYTES = 512;

export interface AdmissionSeams {
  readonly directory: Outside<Directory>;
  readonly revocations: Revocations;
  readonly issuer: Issuer;
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly skewSeconds: () => number;
}

interface Remembered {
  readonly text: string;
  readonly claims: Claims;
  /** What the directory said, when. */
  answer: { readonly admission: Admission; readonly moment: Moment; readonly askedMs: number } | undefined;
}

interface Refusal {
  readonly text: string;
  readonly admission: Admission;
}

/** They stay what they are, and a signature was verified to find them out. All else is found out by looking. */
const FINAL: ReadonlySet<TokenRefusedReason> = new Set<TokenRefusedReason>([
  "bad_signature",
  "bad_claims_json",
  "bad_claims",
  "token_expired",
]);

export class Admissions {
  readonly #seams: AdmissionSeams;
  readonly #signed = new LruCache<string, Remembered>(
    () => ADMISSIONS_BYTES_MAX,
    ({ text }) => text.length + ENTRY_BYTES,
  );
  readonly #refused = new LruCache<string, Refusal>(
    () => REFUSALS_BYTES_MAX,
    ({ text }) => text.length + ENTRY_BYTES,
  );

  constructor(seams: AdmissionSeams) {
    this.#seams = seams;
  }

  async admit(tokens: readonly string[], within: Within): Promise<Result<readonly Admission[], AuthUnavailable>> {
    assert(tokens.length <= ADMIT_TOKENS_MAX, "no more tokens are asked about at once");
    const moment = this.#seams.revocations.now;
    const found = new Map<string, Admission>();
    const unsure: string[] = [];
    for (const text of new Set(tokens)) {
      const known = this.#recall(text, ADMISSION_MS);
      if (known === undefined) unsure.push(text);
      else found.set(text, known);
    }
    if (unsure.length > 0) {
      const asked = await this.#ask(unsure, moment, within);
      for (const text of unsure) {
        const admission = asked.ok ? asked.value.get(text) : this.#recall(text, Number.POSITIVE_INFINITY);
        if (admission !== undefined) found.set(text, admission);
        else if (!asked.ok) return asked;
      }
    }
    return ok(tokens.map((text) => found.get(text) ?? refused("auth_required")));
  }

  #recall(text: string, ageMsMax: number): Admission | undefined {
    const refusal = this.#refused.get(text);
    if (refusal !== undefined) return refusal.admission;
    const known = this.#signed.get(text);
    if (known?.answer === undefined) return undefined;
    const { clock, revocations } = this.#seams;
    const { claims, answer } = known;
    if (clock.nowMs() >= answer.askedMs + ageMsMax || this.#isOver(claims)) return undefined;
    return revocations.isStillSo(answer.moment, claims) ? answer.admission : undefined;
  }

  async #ask(
    texts: readonly string[],
    moment: Moment | undefined,
    within: Within,
  ): Promise<Result<ReadonlyMap<string, Admission>, AuthUnavailable>> {
    const { directory, clock } = this.#seams;
    const found = new Map<string, Admission>();
    const signed: Remembered[] = [];
    for (const verified of await this.#verifyAll(texts, within)) {
      if (!verified.ok) return verified;
      const { text, claims } = verified.value;
      if (typeof claims === "string") found.set(text, refused(claims));
      else signed.push({ text, claims, answer: undefined });
    }
    if (signed.length === 0) return ok(found);

    const askedMs = clock.nowMs();
    const jtis = signed.map(({ claims }) => claims.jti);
    const facts = await directory.ask(within, (target, bounded) => target.tokens(jtis, bounded));
    if (!facts.ok) return facts;
    for (const one of signed) {
      const known = facts.value.get(one.claims.jti);
      const admission = admissionOf(one.claims, known);
      found.set(one.text, admission);
      if (known !== undefined && moment !== undefined) {
        one.answer = { admission, moment, askedMs };
      }
      this.#signed.set(one.text, one);
    }
    return ok(found);
  }

  /** At once: each is verified on a thread of its own. */
  async #verifyAll(
    texts: readonly string[],
    within: Within,
  ): Promise<
    readonly Result<{ readonly text: string; readonly claims: Claims | TokenRefusedReason }, AuthUnavailable>[]
  > {
    const { ring } = this.#seams;
    const first = await Promise.all(texts.map((text) => this.#verify(text)));
    const unknown = texts.filter((_, at) => first[at] === "unknown_kid");
    // Another node may have begun to sign with a key that this one has not heard of.
    const looked = unknown.length > 0 ? await ring.look(within) : ok();
    if (!looked.ok) return [fail(looked.failure)];
    return await Promise.all(
      texts.map(async (text, at) => {
        const before = first[at] ?? "auth_required";
        return ok({ text, claims: before === "unknown_kid" ? await this.#verify(text) : before });
      }),
    );
  }

  async #verify(text: string): Promise<Claims | TokenRefusedReason> {
    const known = this.#signed.get(text);
    if (known !== undefined && !this.#isOver(known.claims)) return known.claims;
    const verified = await this.#seams.issuer.verify(text);
    if (verified.ok) return verified.value;
    const { reason } = verified.failure;
    if (FINAL.has(reason)) this.#refused.set(text, { text, admission: refused(reason) });
    return reason;
  }

  #isOver({ exp }: Claims): boolean {
    const { clock, skewSeconds } = this.#seams;
    return exp + skewSeconds() < Math.floor(clock.wallMs() / second);
  }
}

/** `known`: of its `jti`; undefined where nobody knows it. */
function admissionOf({ sub, sid, fp }: Claims, known: TokenFacts | undefined): Admission {
  const isSame = known?.producerId === sub && known.fingerprint === fp && known.subjectId === sid;
  if (known === undefined || !isSame) return refused("unknown_or_mismatched_token");
  if (known.isRevoked) return refused("token_revoked");
  if (!known.isKeyApproved) return refused("key_not_approved");
  if (known.isDisabled) return { kind: "refused", reason: "producer_disabled", problem: "producer_disabled" };
  return { kind: "admitted", producerId: known.producerId, subjectId: known.subjectId };
}

function refused(
  problem: TokenRefusedReason | "unknown_or_mismatched_token" | "token_revoked" | "key_not_approved",
): Admission {
  return { kind: "refused", reason: "unauthenticated", problem };
}
