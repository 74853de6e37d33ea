/** URLs of servers, as the node works with them and as others are told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { urlOf, urlsForOthers, withoutPassword } from "#supervisor/server/urls.ts";

describe("server URLs", () => {
  it("are shown without a password, wherever it stands (SUP-38)", () => {
    for (const [url, shown] of [
      ["redis://cepa:pa%40ss@db.example:6379/1", "redis://cepa@db.example:6379/1"],
      ["rediss://:secret@db.example", "rediss://db.example"],
      ["redis+unix://cepa:secret@/run/redis.sock?db=1", "redis+unix://cepa@/run/redis.sock?db=1"],
      ["postgres://cepa:secret@db.example/cepa?sslmode=require", "postgres://cepa@db.example/cepa?sslmode=require"],
      ["postgresql://db.example/cepa?user=cepa&password=secret", "postgresql://db.example/cepa?user=cepa"],
      ["postgres:///cepa?host=/run/postgresql", "postgres:///cepa?host=/run/postgresql"],
    ] as const) {
      assert.equal(withoutPassword(url), shown);
    }
    assert.equal(withoutPassword("what is no URL:secret@"), "");
  });

  it("are others for the node than for others", () => {
    const urls = { redis: { node: "redis+unix:///n", others: "redis://p" } };

    assert.equal(urlOf(urls, "redis"), "redis+unix:///n");
    assert.deepEqual(urlsForOthers(urls), { redis: "redis://p" });
  });
});
