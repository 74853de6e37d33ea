/** What one failure is in HTTP. */
import type { Failure } from "#runtime/errors.ts";

export interface Row<F extends Failure> {
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly message: (failure: F) => string;
  readonly headers?: (failure: F) => Readonly<Record<string, string>>;
  /** More members of the body. */
  readonly details?: (failure: F) => Readonly<Record<string, unknown>>;
}

/** A row for each of them, by its code. */
export type RowsOf<Failures extends Failure> = { readonly [F in Failures as F["code"]]: Row<F> };

/** What passes by itself. */
export const later: Readonly<Pick<Row<Failure>, "status" | "retryable">> = { status: 503, retryable: true };

export function final<F extends Failure>(status: number, sentence: string): Row<F> {
  return { status, retryable: false, message: () => sentence };
}
