/** An event that was verified, as it is written: to the database, or to the disk while that is away. */
import type { Tag } from "#actors/domain/events/event.ts";
import type { Uuid } from "#actors/domain/uuid.ts";

export interface EventRow {
  readonly eventId: Uuid;
  /** When it was, in nanoseconds since 1970, as its producer says. */
  readonly tsNs: bigint;
  readonly subjectId: Uuid;
  readonly schemaId: Uuid;
  readonly producerId: Uuid;
  /** Its place in the stream: `GENERATION:MS-SEQUENCE` (`rows/stream-id.ts`). */
  readonly streamId: string;
  /** JSON, with the characters that came. */
  readonly payload: string;
  readonly tags: readonly Tag[];
  /** When it was read from the stream, in milliseconds since 1970. */
  readonly receivedMs: number;
}
