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
import { assert } from "#runtime/errors.ts";
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

  async admit(tokens: readonly string[], within: Within): Promise<readonly Admission[]> {
    assert(tokens.length <= ADMIT_TOKENS_MAX, "no more tokens are asked about at once");
    const moment = this.#seams.revocations.now;
    const found = new Map<string, Admission>();
    const unsure: string[] = [];
    for (const text of new Set(tokens)) {
      const known = this.#recall(text, ADMISSION_MS);
      if (known === undefined) unsure.push(text);
      else found.set(text, known);
    }
    const asked = unsure.length > 0 ? await this.#ask(unsure, moment, within) : [];
    for (const [text, admission] of asked) found.set(text, admission);
    return tokens.map((text) => found.get(text) ?? refused("auth_required"));
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
  ): Promise<ReadonlyMap<string, Admission>> {
    const { directory, clock } = this.#seams;
    const found = new Map<string, Admission>();
    const signed: Remembered[] = [];
    for (const [text, claims] of await this.#verifyAll(texts, within)) {
      if ("kind" in claims) found.set(text, claims);
      else signed.push({ text, claims, answer: undefined });
    }
    if (signed.length === 0) return found;

    const askedMs = clock.nowMs();
    const jtis = signed.map(({ claims }) => claims.jti);
    const facts = await directory.ask(within, (target, bounded) => target.tokens(jtis, bounded));
    for (const one of signed) {
      const { text, claims } = one;
      if (!facts.ok) {
        found.set(text, this.#recall(text, Number.POSITIVE_INFINITY) ?? undecided(facts.failure));
        continue;
      }
      const known = facts.value.get(claims.jti);
      const admission = admissionOf(claims, known);
      found.set(text, admission);
      if (known !== undefined && moment !== undefined) one.answer = { admission, moment, askedMs };
      this.#signed.set(text, one);
    }
    return found;
  }

  /** At once: each is verified on a thread of its own. What it says, or what is to be said of it. */
  async #verifyAll(
    texts: readonly string[],
    within: Within,
  ): Promise<readonly (readonly [string, Claims | Admission])[]> {
    const first = await Promise.all(texts.map((text) => this.#verify(text)));
    const problem = first.includes("unknown_kid") ? await this.#lookForKeys(within) : undefined;
    return await Promise.all(
      texts.map(async (text, at) => {
        const before = first[at] ?? refused("auth_required");
        if (before === "unknown_kid" && problem !== undefined) return [text, problem] as const;
        const verified = before === "unknown_kid" ? await this.#verify(text) : before;
        return [text, verified === "unknown_kid" ? refused(verified) : verified] as const;
      }),
    );
  }

  /**
   * Another node may have begun to sign with a key that this one has not heard of. What is to be said of its tokens where that
   * cannot be found out now: nobody else waits for a stranger's made-up key.
   */
  async #lookForKeys(within: Within): Promise<Admission | undefined> {
    const { ring } = this.#seams;
    if (!ring.isLookDue) return { kind: "undecided", cause: "a key that is not known is looked for" };
    const looked = await ring.look(within);
    return looked.ok ? undefined : undecided(looked.failure);
  }

  async #verify(text: string): Promise<Claims | Admission | "unknown_kid"> {
    const known = this.#signed.get(text);
    if (known !== undefined && !this.#isOver(known.claims)) return known.claims;
    const verified = await this.#seams.issuer.verify(text);
    if (verified.ok) return verified.value;
    const { reason, claims } = verified.failure;
    if (reason === "unknown_kid") return reason;
    const was = claims && { producerId: claims.sub, subjectId: claims.sid };
    const admission = { ...refused(reason), ...(was === undefined ? {} : { was }) };
    if (FINAL.has(reason)) this.#refused.set(text, { text, admission });
    return admission;
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

function undecided({ server, cause }: AuthUnavailable): Admission {
  return { kind: "undecided", cause: `${server}: ${cause}` };
}

function refused(
  problem: TokenRefusedReason | "unknown_or_mismatched_token" | "token_revoked" | "key_not_approved",
): Admission {
  return { kind: "refused", reason: "unauthenticated", problem };
}
