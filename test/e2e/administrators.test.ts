/** From `cepa auth init` to a producer that was let in: a whole node, its listener for administrators, and the command line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { parseRedisUrl } from "#runtime/redis/address.ts";
import { newAuthority, newProducer } from "#test/actors/auth/producer.ts";
import { cepa, type Ran } from "#test/cli/run.ts";
import { eventually, startNode } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { redisMissing } from "#test/kit/redis.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

interface Said {
  readonly redis: string;
  readonly admin: string;
}

describe("administrators: a first try (GW-93, GW-98)", { skip: redisMissing }, () => {
  it("makes authorities, starts a node that trusts them, sees who registers, and lets them in", async (context) => {
    const trust = join(await tempDirectory(context), "trust");
    assert.equal((await cepa(["auth", "init", "--out", trust])).code, 0);
    // Another node of this machine may have the port that Redis has by default.
    const node = await startNode({ args: ["--config", join(trust, "cepa.toml")], env: { CEPA_REDIS_PORT: "0" } });
    context.after(() => node.dispose());
    const { redis: redisUrl, admin } = node.ready as unknown as Said;
    const address = parseRedisUrl(redisUrl);
    assert(typeof address !== "string", JSON.stringify(node.ready));
    const redis = openRedis({ address, silenceMs: 5000 }, realClock, createRealRandom());
    context.after(() => redis.close());
    must(await redis.ready(patient), "redis");
    const ask = (...args: readonly string[]): Promise<Ran> =>
      cepa(["auth", ...args, "--json"], { env: { CEPA_ADMIN: trust, CEPA_URL: node.url } });
    const answers = async (nonce: string): Promise<readonly string[]> => {
      const read = await redis.call(["XRANGE", `fdc:register:resp:${nonce}`, "-", "+"], patient);
      return [...String(JSON.stringify(read, textOf)).matchAll(/"status","(\w+)"/g)].map(([, status = ""]) => status);
    };

    const producer = await newProducer(await newAuthority());
    const fields = await producer.sign({ producer_hint: "a first try" }, { pubkey: producer.keyLine });
    must(await redis.call(["XADD", "fdc:register", "*", ...Object.entries(fields).flat()], patient), "registered");
    let pending = await ask("pending");
    while (pending.stdout === "" && pending.code === 0) pending = await ask("pending");
    assert.equal(pending.code, 0, pending.stderr);
    const approved = await ask("approve", producer.fingerprint.slice(0, 12));
    const told = await answers(fields["nonce"] ?? "");
    await node.killCell("data");
    let after: Ran | undefined;
    await eventually(10_000, "the listener is back", async () => {
      after = await ask("pending", "--all");
      return after.code === 0;
    });
    assert(after !== undefined);

    assert.match(admin, /^https:\/\/127\.0\.0\.1:\d+$/);
    const [key] = pending.stdout.trimEnd().split("\n");
    assert.equal(JSON.parse(key ?? "{}").name, "a first try");
    assert.equal(approved.code, 0, approved.stderr);
    assert.equal(JSON.parse(approved.stdout).type, "new_producer");
    assert.deepEqual(told, ["pending", "approved"]);
    assert.equal(JSON.parse(after.stdout).status, "approved");
    const status = (await (await fetch(`${node.url}/status`)).json()) as { gateway: { admin: string } };
    assert.equal(status.gateway.admin, admin, "also after its cell has started anew");
  });
});

function textOf(_: string, value: unknown): unknown {
  const isBytes = typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
  return isBytes ? Buffer.from(value as unknown as Buffer).toString() : value;
}
