/**
 * The tables of ingest in a Postgres, step by step.
 *
 * - `event_ids` has each id of an event once, whichever month that is of: it is what makes one row of many deliveries. With a
 *   digest of the content, it tells the same event from another one.
 * - `events` and `event_tags` are partitioned by month; `partitions.ts` makes the months. Both are only added to.
 * - Nothing of them refers to other tables by foreign key: checking one costs as much as writing the row, and what they refer
 *   to is never removed.
 * - `stream_ms` and `stream_sequence` have 64 bits without a sign, for which Postgres has no smaller type than `numeric`.
 * - Events are read by subject in the order of the stream, by tag in the order of time, and by time alone, for which
 *   the index is small: what is near in time is near on disk.
 *
 * All times are those of whoever asks, as in auth: no clock of the database is compared with one of a node.
 */
import type { Migrations } from "#runtime/sql/migrations.ts";

/** Those in this schema, which is a plain name. */
export function rowsMigrations(schema: string): Migrations {
  return { schema, steps: [{ name: "subjects-schemas-events-tags", text: first(schema) }] };
}

function first(schema: string): string {
  return `
create table ${schema}.schemas (
  schema_id uuid primary key default gen_random_uuid(),
  name text not null,
  version integer not null check (version >= 1),
  body jsonb not null check (jsonb_typeof(body) = 'object'),
  created_ms bigint not null,
  unique (name, version)
);

create table ${schema}.subjects (
  subject_id uuid primary key default gen_random_uuid(),
  subject_key text not null unique,
  origin text not null check (origin in ('registered', 'legacy')),
  attrs jsonb not null check (jsonb_typeof(attrs) = 'object'),
  schema_id uuid references ${schema}.schemas,
  created_ms bigint not null
);

create table ${schema}.subject_schemas (
  subject_id uuid not null references ${schema}.subjects,
  schema_id uuid not null references ${schema}.schemas,
  created_ms bigint not null,
  primary key (subject_id, schema_id)
);

create table ${schema}.producer_subjects (
  producer_id uuid not null,
  subject_id uuid not null references ${schema}.subjects,
  created_ms bigint not null,
  primary key (producer_id, subject_id)
);
create index producer_subjects_of_subject on ${schema}.producer_subjects (subject_id);

create table ${schema}.binding_requests (
  number bigint generated always as identity,
  producer_id uuid not null,
  subject_id uuid not null references ${schema}.subjects,
  status text not null check (status in ('pending', 'approved', 'denied')),
  asked_ms bigint not null,
  reviewer text,
  reviewed_ms bigint,
  primary key (producer_id, subject_id),
  check ((status = 'pending') = (reviewer is null) and (reviewer is null) = (reviewed_ms is null))
);
create index binding_requests_pending on ${schema}.binding_requests (number) where status = 'pending';

create table ${schema}.event_ids (
  event_id uuid primary key,
  ts_ns bigint not null,
  digest bytea not null
);

create table ${schema}.events (
  event_id uuid not null,
  ts_ns bigint not null,
  received_ms bigint not null,
  subject_id uuid not null,
  schema_id uuid not null,
  producer_id uuid not null,
  stream_generation integer not null,
  stream_ms numeric(20) not null,
  stream_sequence numeric(20) not null,
  payload jsonb not null,
  tags jsonb not null,
  primary key (event_id, ts_ns)
) partition by range (ts_ns);
create index events_of_subject on ${schema}.events (subject_id, stream_generation, stream_ms, stream_sequence);
create index events_by_time on ${schema}.events using brin (ts_ns);

create table ${schema}.tags (
  tag_id uuid primary key,
  key text not null,
  value text not null
);

create table ${schema}.event_tags (
  tag_id uuid not null,
  ts_ns bigint not null,
  event_id uuid not null
) partition by range (ts_ns);
create index event_tags_of_tag on ${schema}.event_tags (tag_id, ts_ns);

create view ${schema}.readable_events as
  select e.event_id, 'epoch'::timestamptz + e.ts_ns / 1000 * interval '1 microsecond' as ts, e.ts_ns, e.subject_id, s.subject_key,
    e.schema_id, c.name as schema_name, c.version as schema_version, e.producer_id,
    e.stream_generation, e.stream_ms || '-' || e.stream_sequence as entry_id,
    e.payload, e.tags, 'epoch'::timestamptz + e.received_ms * interval '1 millisecond' as received_at
  from ${schema}.events e
    left join ${schema}.subjects s using (subject_id)
    left join ${schema}.schemas c on c.schema_id = e.schema_id;
`;
}
