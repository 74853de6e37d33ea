/** All that the tables of a directory have, as one text. */
import { must } from "#runtime/errors.ts";
import type { Sql } from "#runtime/sql/sql.ts";
import { within } from "#test/actors/auth/directory/scene.ts";

/** Who refers to others first. */
export const TABLES: readonly string[] = [
  ...["signing_keys", "changes", "denied_tokens", "tokens", "reviews", "requests", "key_aliases", "keys", "producers"],
  "counters",
];

export async function dumpOf(sql: Sql, schema: string): Promise<string> {
  const parts = TABLES.map((table) => `(select json_agg(t order by t::text) from ${schema}.${table} t)`);
  const text = `select json_build_array(${parts.join()}) as dump`;
  return must(await sql.query({ text }, within), "dump")[0]?.["dump"] ?? "";
}
