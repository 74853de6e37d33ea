/**
 * The raw limit: what two loops reach that read entries of a group, write them to one table by `unnest`, and acknowledge. Nothing
 * is verified, no token is looked at, nothing is kept beside the row. It runs until it is killed.
 */
import { Redis } from "ioredis";
import { Pool } from "pg";
import { RAW_TABLE, type RawOrder } from "#bench/ingest/raw-limit.ts";
import { bigintArray, textArray, uuidArray } from "#runtime/sql/binary-arrays.ts";

const LOOPS = 2;
const PAGE = 1000;

const { socket, login, postgresUrl, stream, group } = JSON.parse(process.argv[2] ?? "") as RawOrder;
const pool = new Pool({ connectionString: postgresUrl, max: LOOPS });
await pool.query(
  `create table if not exists ${RAW_TABLE} (event_id uuid primary key, ts_ns bigint, subject_id uuid, stream_id text, payload jsonb)`,
);
const [username, password] = login;
const loops = Array.from({ length: LOOPS }, (_, at) => loop(`c${at}`));
process.stdout.write("ready\n");
await Promise.all(loops);

async function loop(consumer: string): Promise<never> {
  const redis = new Redis({ path: socket, username, password });
  for (;;) {
    const read = (await redis.xreadgroup(
      "GROUP",
      group,
      consumer,
      "COUNT",
      PAGE,
      "BLOCK",
      1000,
      "STREAMS",
      stream,
      ">",
    )) as readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[] | null;
    const entries = read?.[0]?.[1] ?? [];
    if (entries.length === 0) continue;
    const rows = entries.map(([id, fields]) => ({ id, event: JSON.parse(fields[1] ?? "") }));
    await pool.query({
      name: "write",
      text: `insert into ${RAW_TABLE} select e, t, s, i, p::jsonb
        from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[]) as u (e, t, s, i, p) on conflict do nothing`,
      values: [
        uuidArray(rows.map(({ event }) => event.event_id)),
        bigintArray(rows.map(({ event }) => BigInt(Date.parse(event.ts)) * 1_000_000n)),
        uuidArray(rows.map(({ event }) => event.subject_id)),
        textArray(rows.map(({ id }) => id)),
        textArray(rows.map(({ event }) => JSON.stringify(event.payload))),
      ],
    });
    await redis.xack(stream, group, ...rows.map(({ id }) => id));
  }
}
