/** Whatever somebody adds to a stream: nothing breaks, and every entry is judged. `CEPA_RUNS` says how many of each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import type { RedisCommand } from "#runtime/redis/redis.ts";
import { newProducer } from "#test/actors/auth/producer.ts";
import { asked, type StartedAuth, startAuth } from "#test/actors/auth/start-auth.ts";
import { patient } from "#test/kit/patient.ts";
import { runsOf } from "#test/kit/runs.ts";
import { noise, spoilt, type Words } from "#test/kit/spoilt-entries.ts";

const COUNT = runsOf({ usual: 300, slowness: 0.3 });
const BATCH = 200;

async function addAll(auth: StartedAuth, stream: string, all: readonly Words[]): Promise<void> {
  for (let at = 0; at < all.length; at += BATCH) {
    const commands = all
      .slice(at, at + BATCH)
      .map((words): RedisCommand => ["XADD", stream, "*", ...(words.length === 0 ? ["a", "b"] : words)]);
    for (const added of await auth.until(auth.redis.batch(commands, patient))) must(added, "added");
    await auth.settled(stream);
  }
}

function judgedCount({ started }: StartedAuth, stream: string): number {
  const deltas = started.metrics.takeDeltas().filter(({ name }) => name === "auth_entries_total");
  return deltas.reduce((sum, { labels, value }) => sum + (labels["stream"] === stream ? value : 0), 0);
}

describe("auth: malformed entries", () => {
  for (const stream of ["fdc:register", "fdc:token:exchange", "old:register"]) {
    it(`are judged, each one, on ${stream}, change nothing, and leave it (AUTH-22)`, async () => {
      const auth = await startAuth({ config: { legacyRegisterStream: "old:register", legacyResponseStream: "old" } });
      const { producer, producerId } = await auth.approved();
      const token = await auth.token(producer, producerId);
      const good = await Promise.all([
        producer.sign({ producer_hint: "a", meta: { a: "b" } }),
        producer.sign({ producer_id: producerId }),
        producer.sign({ action: "deregister" }),
        { token, nonce: "a-nonce-of-a-token" },
      ]);
      const other = await newProducer(auth.authority);
      const seed = Math.floor(fc.sample(fc.nat(), 1)[0] ?? 0);
      const entries = fc.sample(fc.oneof(noise, spoilt(good)), { numRuns: COUNT, seed });
      judgedCount(auth, stream);

      await addAll(auth, stream, entries);

      assert.equal(judgedCount(auth, stream), entries.length, `seed ${seed}`);
      assert.deepEqual(auth.started.exits, [], `seed ${seed}`);
      const keys = must(await auth.until(auth.ref.call("listKeys", { filter: "all", limit: 10 }, asked)), "keys");
      assert(
        keys.every(({ fingerprint }) => fingerprint === producer.fingerprint),
        `seed ${seed}`,
      );
      // But for a part of a block.
      await auth.pass(2000);
      const left = Number(await auth.ask("XLEN", stream));
      assert(left <= 100, `${left} of ${entries.length} are left`);
      auth.jump(20_000);
      assert.equal((await auth.register(await other.sign({}))).at(-1)?.["status"], "pending");
    });
  }
});
