/** For whoever waits for as long as it takes. */
import type { Within } from "#runtime/ref.ts";

export const patient: Within = {
  deadlineMs: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};
