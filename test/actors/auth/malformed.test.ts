/** Whatever somebody adds to a stream: nothing breaks, and every entry is judged. `CEPA_RUNS` says how many of each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { must } from "#runtime/errors.ts";
import type { RedisCommand, RedisWord } from "#runtime/redis/redis.ts";
import { type Fields, newProducer } from "#test/actors/auth/producer.ts";
import { asked, type StartedAuth, startAuth } from "#test/actors/auth/start-auth.ts";
import { patient } from "#test/kit/patient.ts";
import { runsOf } from "#test/kit/runs.ts";

const COUNT = runsOf({ usual: 300, slowness: 1 });
const BATCH = 200;

type Words = readonly RedisWord[];

const names = fc.constantFrom("pubkey", "payload", "nonce", "sig", "action", "token", "x", "", "__proto__", "\xff");
const json = fc.json({ maxDepth: 3 });
const values: fc.Arbitrary<RedisWord> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ maxLength: 200 }),
  json,
  fc.constantFrom("", "deregister", "register", "ssh-ed25519", "a.b.c", "{}", "null", "\0", "a".repeat(200)),
);

/** Anything at all. */
const noise: fc.Arbitrary<Words> = fc
  .array(fc.tuple(names, values), { minLength: 1, maxLength: 8 })
  .map((fields) => fields.flat());

type Change =
  | { readonly kind: "flip"; readonly offset: number; readonly mask: number }
  | { readonly kind: "put" | "twice"; readonly value: RedisWord }
  | { readonly kind: "cut"; readonly length: number }
  | { readonly kind: "drop" };

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), offset: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constantFrom("put" as const, "twice" as const), value: values }),
  fc.record({ kind: fc.constant("cut" as const), length: fc.nat() }),
  fc.record({ kind: fc.constant("drop" as const) }),
);

/** A good request, of which one field is not as it was. */
function spoilt(good: readonly Fields[]): fc.Arbitrary<Words> {
  const entry = fc.constantFrom(...good.map((fields) => Object.entries(fields)));
  return fc
    .tuple(entry, fc.nat(), changes)
    .map(([fields, at, change]) =>
      fields.flatMap(([name, text], place) =>
        place === at % fields.length ? spoil(name, text, change) : [name, text],
      ),
    );
}

function spoil(name: string, text: string, change: Change): Words {
  const bytes = Buffer.from(text);
  switch (change.kind) {
    case "flip": {
      const where = change.offset % Math.max(1, bytes.length);
      return [name, Uint8Array.from(bytes, (one, index) => (index === where ? one ^ change.mask : one))];
    }
    case "put":
      return [name, change.value];
    case "twice":
      return [name, text, name, change.value];
    case "cut":
      return [name, bytes.subarray(0, change.length % (bytes.length + 1))];
    case "drop":
      return [];
  }
}

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
