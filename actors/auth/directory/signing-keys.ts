/** Public halves of the keys that sign tokens: each node says its own, and reads those of all. */
import { type DirectoryFailure, SIGNING_KEYS_MAX, type SigningKeyFacts } from "#actors/auth/directory/directory.ts";
import { read, type Tables } from "#actors/auth/directory/transaction.ts";
import { ok, type Result } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { textIn } from "#runtime/sql/columns.ts";

/** One statement, which sees the tables as they were before it: so what it says is joined to what it reads. */
export async function shareSigningKey(
  tables: Tables,
  { kid, publicKey }: SigningKeyFacts,
  atMs: number,
  sinceMs: number,
  within: Within,
): Promise<Result<readonly SigningKeyFacts[], DirectoryFailure>> {
  const { schema } = tables;
  const found = await read(
    tables,
    "share-signing-key",
    `with shared as (
        insert into ${schema}.signing_keys as known (kid, public_key, used_ms) values ($1, $2, $3)
        on conflict (kid) do update set used_ms = greatest(known.used_ms, excluded.used_ms)
        returning kid, public_key, used_ms)
      select kid, encode(public_key, 'hex') as public_key from (
        select * from shared union all select * from ${schema}.signing_keys where kid <> $1 and used_ms > $4) as used
      order by kid = $1 desc, used_ms desc limit $5`,
    [kid, publicKey, atMs, sinceMs, SIGNING_KEYS_MAX],
    within,
  );
  if (!found.ok) return found;
  return ok(
    found.value.map((row) => ({
      kid: textIn(row, "kid"),
      publicKey: Uint8Array.fromHex(textIn(row, "public_key")),
    })),
  );
}
