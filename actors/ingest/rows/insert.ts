/**
 * Events of which no two have one id, written by one statement: what was there is left alone and told.
 *
 * All nodes hold rows in one order (ING-4): ids of events, ascending, then those of tags. So nobody waits for one who waits for him.
 * That all ids come first is said by the count of `fresh`: otherwise the database is free to do both at once.
 *
 * A row may be there, and the statement not see it: it was committed after it began. Then there is no digest in the answer,
 * and the same statement sees it the next time.
 */
import type { EventRow } from "#actors/ingest/event-row.ts";
import { placeOf } from "#actors/ingest/rows/stream-id.ts";
import type { Ask } from "#actors/ingest/rows/tables.ts";
import type { TagIds } from "#actors/ingest/rows/tag-ids.ts";
import { assert, ok, type Result } from "#runtime/errors.ts";
import { bigintArray, bytesArray, textArray, uuidArray } from "#runtime/sql/binary-arrays.ts";
import type { SqlFailure, SqlRow, SqlValue } from "#runtime/sql/sql.ts";

/** With the digest of what it says. */
export interface DigestedRow extends EventRow {
  readonly digest: Buffer;
}

/** `unseen`: something of that id is there, or was a moment ago. */
export type Landing = "new" | "unseen" | { readonly digest: Buffer };

/** In the order of `rows`. */
export async function insert(
  ask: Ask,
  schema: string,
  rows: readonly DigestedRow[],
  tagIds: TagIds,
): Promise<Result<readonly Landing[], SqlFailure>> {
  const done = await ask("write", textOf(schema), [...columnsOf(rows), ...tagColumnsOf(rows, tagIds)]);
  if (!done.ok) return done;
  const landings: Landing[] = rows.map(() => "new");
  for (const row of done.value) landings[Number(row["n"]) - 1] = landingOf(row);
  return ok(landings);
}

function textOf(schema: string): string {
  return `
with input as materialized (
  select * from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
      $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[])
    with ordinality as i (event_id, ts_ns, digest, received_ms, subject_id, schema_id, producer_id,
      stream_generation, stream_ms, stream_sequence, payload, tags, n)
), fresh as (
  insert into ${schema}.event_ids (event_id, ts_ns, digest)
  select event_id, ts_ns, digest from input order by event_id
  on conflict do nothing returning event_id
), stored as (
  insert into ${schema}.events (event_id, ts_ns, received_ms, subject_id, schema_id, producer_id,
    stream_generation, stream_ms, stream_sequence, payload, tags)
  select event_id, ts_ns, received_ms, subject_id, schema_id, producer_id,
    stream_generation, stream_ms::numeric, stream_sequence::numeric, payload::jsonb, tags::jsonb
  from input join fresh using (event_id)
), worn as materialized (
  select * from unnest($13::uuid[], $14::uuid[], $15::bigint[], $16::text[], $17::text[])
    as w (tag_id, event_id, ts_ns, key, value)
), known as (
  insert into ${schema}.tags (tag_id, key, value)
  select distinct on (tag_id) tag_id, key, value from worn where (select count(*) from fresh) >= 0 order by tag_id
  on conflict do nothing
), tagged as (
  insert into ${schema}.event_tags (tag_id, ts_ns, event_id)
  select tag_id, ts_ns, event_id from worn join fresh using (event_id)
)
select i.n, e.digest from input i
  left join fresh f using (event_id)
  left join ${schema}.event_ids e using (event_id)
where f.event_id is null`;
}

function columnsOf(rows: readonly DigestedRow[]): readonly SqlValue[] {
  const places = rows.map(({ streamId }) => placeOf(streamId));
  return [
    uuidArray(rows.map(({ eventId }) => eventId)),
    bigintArray(rows.map(({ tsNs }) => tsNs)),
    bytesArray(rows.map(({ digest }) => digest)),
    bigintArray(rows.map(({ receivedMs }) => BigInt(receivedMs))),
    uuidArray(rows.map(({ subjectId }) => subjectId)),
    uuidArray(rows.map(({ schemaId }) => schemaId)),
    uuidArray(rows.map(({ producerId }) => producerId)),
    bigintArray(places.map(({ generation }) => BigInt(generation))),
    textArray(places.map(({ ms }) => ms)),
    textArray(places.map(({ sequence }) => sequence)),
    textArray(rows.map(({ payload }) => payload)),
    textArray(rows.map(({ tags }) => JSON.stringify(tags.map(({ key, value }) => ({ key, value }))))),
  ];
}

function tagColumnsOf(rows: readonly DigestedRow[], tagIds: TagIds): readonly SqlValue[] {
  const worn = rows.flatMap(({ eventId, tsNs, tags }) =>
    [...tagIds.of(tags)].map(([tagId, { key, value }]) => ({ tagId, eventId, tsNs, key, value })),
  );
  return [
    uuidArray(worn.map(({ tagId }) => tagId)),
    uuidArray(worn.map(({ eventId }) => eventId)),
    bigintArray(worn.map(({ tsNs }) => tsNs)),
    textArray(worn.map(({ key }) => key)),
    textArray(worn.map(({ value }) => value)),
  ];
}

function landingOf({ digest }: SqlRow): Landing {
  if (digest === null) return "unseen";
  assert(digest?.startsWith("\\x") === true, "a digest is written in hex");
  return { digest: Buffer.from(digest.slice(2), "hex") };
}
