/**
 * The tables that a directory keeps in a Postgres, step by step.
 *
 * The rules that must hold whoever writes are in the tables: one approved key a producer, one row a request, no token without a
 * key. All times are milliseconds since 1970, as whoever asked has given them: no clock of the database is ever compared with
 * one of a node. Numbers of keys and of changes come from a row, not from a sequence: whoever takes one holds that row until
 * the end of its transaction, so that they are in the order in which they become visible, and without a gap.
 *
 * A token counts while its key is approved and it is not denied. That is looked up, not written down a second time, so that
 * ending a key takes no longer the more tokens it was given.
 */
import type { Migrations } from "#runtime/sql/migrations.ts";

/** Those of a directory in this schema, which is a plain name. */
export function directoryMigrations(schema: string): Migrations {
  return {
    schema,
    steps: [
      { name: "producers-keys-requests-tokens", text: first(schema) },
      { name: "what-is-over", text: whatIsOver(schema) },
      { name: "first-tokens-of-requests", text: firstTokens(schema) },
      { name: "digests-of-requests", text: digests(schema) },
      { name: "certificates-of-keys", text: certificates(schema) },
    ],
  };
}

/** What is to be pruned is found without reading all that is not. */
function whatIsOver(schema: string): string {
  return `
create index tokens_over on ${schema}.tokens (expires_ms);
create index tokens_of_root on ${schema}.tokens (root_jti);
create index keys_ended on ${schema}.keys (ended_ms) where ended_ms is not null;
`;
}

/** Who decides about a key sees who has vouched for it, and which keys its producer has. */
function certificates(schema: string): string {
  return `
alter table ${schema}.keys add column certificate_id text, add column certificate_principal text,
  add check (num_nulls(certificate_id, certificate_principal) in (0, 2));
create index keys_of_producer on ${schema}.keys (producer_id, number);
`;
}

/** What was signed may be a megabyte, nobody reads it, and most requests are kept for good. */
function digests(schema: string): string {
  return `
alter table ${schema}.requests add column payload_sha256 bytea check (octet_length(payload_sha256) = 32);
update ${schema}.requests set payload_sha256 = sha256(convert_to(payload, 'UTF8'));
alter table ${schema}.requests alter column payload_sha256 set not null, drop column payload;
`;
}

/** Of an exchange: what comes of it when it is delivered again belongs to that token. No reference: the token goes, the request stays. */
function firstTokens(schema: string): string {
  return `
alter table ${schema}.requests add column jti text;
`;
}

function first(schema: string): string {
  return `
create table ${schema}.producers (
  producer_id uuid primary key default gen_random_uuid(),
  hint text,
  contact text,
  meta jsonb not null,
  created_ms bigint not null,
  disabled_ms bigint
);

create table ${schema}.keys (
  fingerprint text primary key,
  number bigint not null unique,
  producer_id uuid not null references ${schema}.producers,
  key_line text not null,
  nonce text not null,
  status text not null check (status in ('pending', 'approved', 'revoked', 'superseded')),
  created_ms bigint not null,
  approved_ms bigint,
  ended_ms bigint,
  superseded_by text references ${schema}.keys,
  check (case status
    when 'pending' then num_nonnulls(approved_ms, ended_ms, superseded_by) = 0
    when 'approved' then approved_ms is not null and num_nonnulls(ended_ms, superseded_by) = 0
    when 'superseded' then num_nulls(approved_ms, ended_ms, superseded_by) = 0
    else ended_ms is not null
  end)
);
create unique index keys_approved on ${schema}.keys (producer_id) where status = 'approved';
create index keys_pending on ${schema}.keys (producer_id) where status = 'pending';

create table ${schema}.key_aliases (
  alias text primary key,
  fingerprint text not null references ${schema}.keys
);
create index key_aliases_of_key on ${schema}.key_aliases (fingerprint);

create table ${schema}.requests (
  fingerprint text not null references ${schema}.keys,
  nonce text not null,
  operation text not null check (operation in ('register', 'deregister', 'subject', 'exchange')),
  entry text not null,
  payload text not null,
  signature bytea not null check (octet_length(signature) = 64),
  at_ms bigint not null,
  outcome text not null,
  reason text,
  primary key (fingerprint, nonce)
);

create table ${schema}.reviews (
  number bigint generated always as identity primary key,
  fingerprint text not null references ${schema}.keys,
  verdict text not null check (verdict in ('approved', 'denied')),
  reviewer text not null,
  notes text,
  at_ms bigint not null
);

create table ${schema}.tokens (
  jti text primary key,
  number bigint generated always as identity,
  root_jti text not null references ${schema}.tokens,
  fingerprint text not null references ${schema}.keys,
  subject_id text,
  issued_ms bigint not null,
  expires_ms bigint not null
);
create index tokens_of_key on ${schema}.tokens (fingerprint, number);

create table ${schema}.denied_tokens (
  jti text primary key,
  reason text not null,
  at_ms bigint not null
);

create table ${schema}.signing_keys (
  kid text primary key,
  public_key bytea not null check (octet_length(public_key) = 32),
  used_ms bigint not null
);

create table ${schema}.changes (
  number bigint primary key,
  kind text not null check (kind in ('token', 'producer', 'key')),
  id text not null
);

create table ${schema}.counters (
  name text primary key check (name in ('keys', 'changes')),
  value bigint not null
);
insert into ${schema}.counters values ('keys', 0), ('changes', 0);
`;
}
