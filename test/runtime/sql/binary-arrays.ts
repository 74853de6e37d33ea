/** Lists in the binary form of Postgres, read back by one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import type { Within } from "#runtime/ref.ts";
import { bigintArray, bytesArray, textArray, uuidArray } from "#runtime/sql/binary-arrays.ts";
import type { Sql } from "#runtime/sql/sql.ts";

const within: Within = { deadlineMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

async function readBack(sql: Sql, type: string, array: Uint8Array): Promise<readonly (string | null | undefined)[]> {
  const text = `select value from unnest($1::${type}[]) with ordinality as u (value, n) order by n`;
  return must(await sql.query({ text, values: [array] }, within), text).map((row) => row["value"]);
}

/** Of any length, with nothing in it among them. */
function check<Value>(
  arbitrary: fc.Arbitrary<Value>,
  agrees: (values: readonly Value[]) => Promise<void>,
): Promise<void> {
  return fc.assert(fc.asyncProperty(fc.array(arbitrary, { maxLength: 50 }), agrees), { numRuns: 50, examples: [[[]]] });
}

export function describeBinaryArrays(sql: Sql): void {
  describe("binary arrays", () => {
    it("of UUIDs, in either case", async () => {
      const uuid = fc.oneof(
        fc.uuid(),
        fc.uuid().map((text) => text.toUpperCase()),
      );
      await check(uuid, async (values) => {
        assert.deepEqual(
          await readBack(sql, "uuid", uuidArray(values)),
          values.map((value) => value.toLowerCase()),
        );
      });
      assert.throws(() => uuidArray(["0f0f"]), /32 hex digits/);
    });

    it("of whole numbers of 64 bits", async () => {
      await check(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (values) => {
        assert.deepEqual(await readBack(sql, "bigint", bigintArray(values)), values.map(String));
      });
      assert.throws(() => bigintArray([2n ** 63n]), RangeError);
    });

    it("of texts, with whatever characters", async () => {
      const text = fc.string({ unit: "binary", maxLength: 20 }).map((value) => value.replaceAll("\0", "'\"\\{},NULL"));
      await check(text, async (values) => {
        assert.deepEqual(await readBack(sql, "text", textArray(values)), values);
      });
    });

    it("of bytes", async () => {
      await check(fc.uint8Array({ maxLength: 20 }), async (values) => {
        const hex = values.map((value) => `\\x${Buffer.from(value).toString("hex")}`);
        assert.deepEqual(await readBack(sql, "bytea", bytesArray(values)), hex);
      });
    });

    it("are refused where the statement says another type", async () => {
      const refused = await sql.query({ text: "select $1::text[]", values: [bigintArray([1n])] }, within);

      assert(!refused.ok && refused.failure.code === "sql.refused");
      assert.equal(refused.failure.state, "42804");
    });
  });
}
