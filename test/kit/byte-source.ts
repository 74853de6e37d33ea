/** A source over bytes that are there: what a client would send. */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

export interface SourcePlan {
  /** Of the next piece, at least 1; it ends earlier where there is no room or no more. */
  readonly pieceBytes: () => number;
  /** It breaks off before this byte, with `failure`; never, unless it is given. */
  readonly failAt?: number | undefined;
  readonly failure: Failure;
  /** Waited for before every piece. */
  readonly before?: () => Promise<void>;
}

export function sourceOver(bytes: Uint8Array, plan: SourcePlan): ByteSource {
  const { pieceBytes, failAt = Number.POSITIVE_INFINITY, before } = plan;
  let at = 0;
  let failure: Failure | undefined;
  return {
    get failure() {
      return failure;
    },
    read: async (into) => {
      await before?.();
      if (at >= failAt) failure ??= plan.failure;
      if (failure !== undefined) return FAILED;
      if (at === bytes.length) return ENDED;
      const count = Math.min(into.length, pieceBytes(), bytes.length - at, failAt - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    cancel: (reason) => {
      failure ??= reason;
    },
  };
}
