/**
 * Where an event stood in its stream: `GENERATION:MS-SEQUENCE`, as `0:1760000000000-3`.
 *
 * Ids of entries only grow within one life of a stream. One that is begun anew, because its Redis was replaced, is another
 * generation; so events are ordered by generation first. Both parts of an entry's id have 64 bits, which no number of
 * JavaScript and no `bigint` of Postgres holds: they stay digits.
 */
import { assert } from "#runtime/errors.ts";

export interface StreamPlace {
  readonly generation: number;
  /** Digits. */
  readonly ms: string;
  /** Digits. */
  readonly sequence: string;
}

const SHAPE = /^(\d{1,9}):(\d{1,20})-(\d{1,20})$/;

/** `entryId` is one that Redis gave. */
export function streamIdOf(generation: number, entryId: string): string {
  const streamId = `${generation}:${entryId}`;
  assert(SHAPE.test(streamId), "an entry has an id, and its stream a generation of up to nine digits");
  return streamId;
}

export function placeOf(streamId: string): StreamPlace {
  const [, generation, ms, sequence] = SHAPE.exec(streamId) ?? [];
  assert(
    generation !== undefined && ms !== undefined && sequence !== undefined,
    "a stream id is GENERATION:MS-SEQUENCE",
  );
  return { generation: Number(generation), ms, sequence };
}
