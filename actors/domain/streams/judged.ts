/** What comes of an entry of a stream that is read one by one. */
import type { Answer } from "#actors/domain/streams/answers.ts";
import type { Failure, Result } from "#runtime/errors.ts";
import type { StreamEntry } from "#runtime/redis/group/stream-entry.ts";
import type { Within } from "#runtime/ref.ts";

export interface Judged {
  /** One of a bounded set: a label of the metrics. */
  readonly outcome: string;
  /** For the log, where there is more to say. */
  readonly problem?: string | undefined;
  /** For the log too: of the key that it says it is by. */
  readonly fingerprint?: string | undefined;
  readonly answer?: Answer | undefined;
}

/** `entry` names it in all streams. The same entry may come again, and is judged again then. */
export type Judge = (entry: string, fields: StreamEntry["fields"], within: Within) => Promise<Result<Judged, Failure>>;
