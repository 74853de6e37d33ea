/**
 * The language in which protocols are declared: types only, no run-time value.
 *
 * A protocol is an interface whose members are `Call` or `Cast`; handlers, refs, links and tests derive their types
 * from it. Requests and replies hold codec types (JSON plus `Uint8Array` and `bigint`) and at most one `ByteSource`
 * as a direct member, because only those can cross a link.
 */
import type { Failure } from "#runtime/errors.ts";

/** A message that is answered exactly once, with a `Reply` or one of `Failures`. */
export interface Call<Request, Reply = void, Failures extends Failure = never> {
  readonly form: "call";
  readonly request: Request;
  readonly reply: Reply;
  readonly failures: Failures;
}

/** A message that is never answered. The sender learns only whether the mailbox took it. */
export interface Cast<Request> {
  readonly form: "cast";
  readonly request: Request;
}

/** Marks a message that may run twice with the effect of once: `Call<…> & Idempotent`. */
export interface Idempotent {
  readonly idempotent: true;
}

type AnyCall = Call<unknown, unknown, Failure>;
type AnyCast = Cast<unknown>;

/** Constraint for protocols: `P extends Protocol<P>` accepts any interface of messages. */
export type Protocol<P> = { readonly [Name in keyof P]: AnyCall | AnyCast };

type NamesOf<P, Message> = { [N in keyof P]: P[N] extends Message ? N : never }[keyof P] & string;

/** Names of the messages that are answered. */
export type CallName<P> = NamesOf<P, AnyCall>;
/** Names of the messages that are not. */
export type CastName<P> = NamesOf<P, AnyCast>;

/** Names of the messages that may run twice with the effect of once. */
export type IdempotentName<P> = NamesOf<P, Idempotent>;

/** What message `N` carries. */
export type RequestOf<P, N extends keyof P> = P[N] extends { readonly request: infer Request } ? Request : never;
/** What call `N` is answered with when all is well. */
export type ReplyOf<P, N extends keyof P> = P[N] extends { readonly reply: infer Reply } ? Reply : never;
/** How call `N` may fail by its protocol's own word. */
export type FailureOf<P, N extends keyof P> = P[N] extends { readonly failures: infer F extends Failure } ? F : never;
