/** Crashes of the real process tree: what was acknowledged stays, what is broken comes back, nothing is left behind. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MiB } from "#runtime/units.ts";
import { eventually, type Profile, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { isRunning } from "#test/kit/running.ts";

/** Sends half of `bytes` and leaves the rest unsent; answers once the node has had time to take it. */
async function halfPut(url: string, bytes: Buffer): Promise<{ abandon(): void }> {
  const put = request(`${url}/put`, { method: "PUT", headers: { "content-length": bytes.byteLength } });
  put.on("error", () => undefined); // The point of the test is that the other side dies.
  await new Promise<void>((sent) => put.write(bytes.subarray(0, bytes.byteLength >> 1), () => sent()));
  return { abandon: () => put.destroy() };
}

for (const profile of ["tree", "edge"] satisfies Profile[]) {
  describe(`crash of the data cell (${profile})`, () => {
    let node: TestNode;
    before(async () => {
      node = await startNode({ profile });
    });
    after(() => node.dispose());

    it("loses nothing acknowledged and nothing of the next object, killed in the middle of a PUT, three times", async () => {
      const kept: Buffer[] = [];
      for (const round of [1, 2, 3]) {
        const acknowledged = randomBytes(round * 1_700_000, round);
        const interrupted = randomBytes(24 * MiB, 100 + round);
        await putObject(node.url, acknowledged);
        kept.push(acknowledged);
        const put = await halfPut(node.url, interrupted);

        await node.killCell("data");
        put.abandon();

        for (const bytes of kept) await mustHold(node.url, bytes);
        assert.equal((await fetch(`${node.url}/o/${addressOf(interrupted)}`)).status, 404);
        await putObject(node.url, interrupted);
        await mustHold(node.url, interrupted);
      }
    });

    it("loses nothing that was acknowledged a moment before the kill", async () => {
      for (const round of [1, 2]) {
        const objects = Array.from({ length: 40 }, (_, index) => randomBytes(4096, round * 1000 + index));
        await Promise.all(objects.map((bytes) => putObject(node.url, bytes)));

        await node.killCell("data");

        for (const bytes of objects) await mustHold(node.url, bytes);
      }
    });
  });
}

describe("crash of an actor", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  for (const actor of ["storage", "index", "overlay", "gateway", "telemetry"]) {
    it(`is survived (${actor}): it comes back and the objects are there`, async () => {
      const bytes = randomBytes(2_500_000, actor.length);
      await putObject(node.url, bytes);
      const before = await node.actor(actor);

      assert.equal((await node.admin("kill", `actor/${actor}`))["ok"], true);

      await eventually(10_000, `${actor} lives again`, async () => {
        const now = await node.actor(actor);
        return now.state === "running" && now.incarnation > before.incarnation && now.restarts > before.restarts;
      });
      await node.becomesReady();
      await eventually(10_000, "the object is served", async () => {
        await mustHold(node.url, bytes);
        return true;
      });
    });
  }
});

describe("crash after crash", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode();
  });
  after(() => node.dispose());

  it("is quarantined at the sixth within a minute, not at the fifth, and lives again after a resume", async () => {
    const bytes = randomBytes(100_000, 1);
    await putObject(node.url, bytes);
    const states: string[] = [];
    for (let crash = 1; crash <= 6; crash += 1) {
      const { incarnation } = await node.actor("storage");
      await node.admin("kill", "actor/storage");
      await eventually(40_000, "the crash is over", async () => {
        const now = await node.actor("storage");
        return now.state === "quarantined" || (now.state === "running" && now.incarnation > incarnation);
      });
      states.push((await node.actor("storage")).state);
    }
    await eventually(2000, "readiness says so", async () => (await fetch(`${node.url}/readyz`)).status === 503);
    const reads = await fetch(`${node.url}/readyz?for=reads`);
    const refused = await fetch(`${node.url}/put`, { method: "PUT", body: "x" });

    await node.admin("resume", "actor/storage");
    await node.becomesReady();

    assert.deepEqual(states, ["running", "running", "running", "running", "running", "quarantined"]);
    assert.equal(reads.status, 503);
    assert.equal(refused.status, 503);
    await mustHold(node.url, bytes);
  });
});

for (const profile of ["tree", "edge", "single"] satisfies Profile[]) {
  describe(`crash of the root (${profile})`, () => {
    it("takes every process with it within 2 s, and the next node has what was acknowledged", async (context) => {
      const first = await startNode({ profile });
      const bytes = randomBytes(6 * MiB, 9);
      await putObject(first.url, bytes);
      const put = await halfPut(first.url, randomBytes(30 * MiB, 10));

      first.process.kill("SIGKILL");
      const second = startNode({ profile, dataDirectory: first.dataDirectory });
      put.abandon();
      await sleep(2000);
      const orphans = Object.values(first.ready.cells).filter((pid) => pid !== first.ready.pid && isRunning(pid));

      const node = await second;
      context.after(() => node.dispose());
      assert.deepEqual(orphans, []);
      await mustHold(node.url, bytes);
    });
  });
}
