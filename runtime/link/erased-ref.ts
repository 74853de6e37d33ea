/**
 * A ref without its protocol: what a link can know of an actor, and the one place where it forgets and remembers types.
 *
 * Sound because both cells run the same build: the name in a frame comes from a typed call at the other side.
 */
import type { Failure, Result } from "#runtime/errors.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { CallOptions, CastOutcome, Down, Ref } from "#runtime/ref.ts";

export interface ErasedRef {
  readonly name: string;
  call(name: string, request: unknown, options: CallOptions): Promise<Result<unknown, Failure>>;
  cast(name: string, request: unknown): CastOutcome;
  monitor(onDown: (down: Down) => void): () => void;
}

/** Forgets the protocol. An `Actor` is an `ErasedRef` as it is. */
export function eraseRef<P extends Protocol<P>>(ref: Ref<P>): ErasedRef {
  return ref as unknown as ErasedRef;
}

/** Remembers the protocol that the caller knows the actor to speak. */
export function typeRef<P extends Protocol<P>>(ref: ErasedRef): Ref<P> {
  return ref as unknown as Ref<P>;
}
