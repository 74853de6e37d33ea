/** What HTTP says of volumes, and what it lets be done about their repair (GW-75). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VolumesFacts } from "#actors/domain/volumes-facts.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const bare = { id: "", directory: "/mnt/b", packBytes: 0, freeBytes: 0, totalBytes: 0 };
const whole = { id: "0011223344556677", directory: "/mnt/a", packBytes: 1, freeBytes: 2, totalBytes: 3 };
const counts = {
  backlogCount: 4,
  backlogBytes: 5,
  atRiskBytes: 6,
  lostCount: 7,
  repairedCount: 8,
  repairedBytes: 9,
  failedCount: 10,
  bytesPerSecond: 11,
};
const facts: VolumesFacts = {
  volumes: [
    { ...whole, state: "present", problem: undefined },
    { ...bare, state: "absent", problem: "No disk is mounted there." },
  ],
  profile: "2+1",
  repair: { ...counts, state: "running", delayedUntilMs: undefined, etaMs: 12 },
};
const waiting: VolumesFacts = {
  ...facts,
  repair: { ...counts, state: "delayed", delayedUntilMs: 1000, etaMs: undefined },
};
const volumes = [
  { ...whole, state: "present", problem: null },
  { ...bare, state: "absent", problem: "No disk is mounted there." },
];

describe("gateway: volumes", () => {
  it("says how each of them is, and how far repair is (GW-75)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.replies.set("describeVolumes", facts);

    const told = await send(edge, { target: "/volumes" });

    assert.equal(told.status, 200);
    assert.equal(told.headers["cache-control"], "no-store");
    const repair = { ...counts, state: "running", delayedUntil: null, etaMs: 12 };
    assert.deepEqual(json(told), { volumes, profile: "2+1", repair });
  });

  it("takes nothing but a question there, and nothing but an order at /repair", async () => {
    const { edge } = await openSimulated();

    for (const [method, target, allow] of [
      ["POST", "/volumes", "GET, HEAD"],
      ["GET", "/repair", "POST"],
    ] as const) {
      const refused = await send(edge, { method, target });

      assert.deepEqual([refused.status, refused.headers["allow"]], [405, allow]);
    }
  });
});

describe("gateway: repair", () => {
  for (const action of ["now", "pause", "resume"]) {
    it(`passes ${action} on, and answers with how things stand (GW-75)`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.replies.set("repair", waiting);

      const ordered = await send(edge, { method: "POST", target: `/repair?action=${action}` });

      assert.equal(ordered.status, 202);
      const repair = { ...counts, state: "delayed", delayedUntil: "1970-01-01T00:00:01.000Z", etaMs: null };
      assert.deepEqual(json(ordered), { volumes, profile: "2+1", repair });
      assert.deepEqual(overlay.asked, [{ action }]);
    });
  }

  for (const query of ["", "?action=", "?action=NOW", "?action=stop", "?action=toString", "?action=now&action=pause"]) {
    it(`refuses ${query || "an order without an action"}, and says what there is (GW-75)`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.replies.set("repair", facts);

      const refused = await send(edge, { method: "POST", target: `/repair${query}` });

      assert.deepEqual([refused.status, json(refused)["code"]], [400, "gateway.bad-action"]);
      assert.match(String(json(refused)["message"]), /now, pause, resume/);
      assert.deepEqual(overlay.asked, []);
    });
  }

  it("takes no order from a page of another origin (GW-41)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.replies.set("repair", facts);

    const refused = await send(edge, {
      method: "POST",
      target: "/repair?action=pause",
      headers: { origin: "https://elsewhere.example" },
    });

    assert.deepEqual([refused.status, overlay.asked], [403, []]);
  });

  it("says that storage does not answer yet", async () => {
    const { edge, overlay } = await openSimulated();
    const failure = { code: "storage.rebuilding", doneBytes: 1, totalBytes: 2 };
    overlay.failures.describeVolumes = failure;
    overlay.failures.repair = failure;

    for (const request of [{ target: "/volumes" }, { method: "POST", target: "/repair?action=now" }]) {
      const refused = await send(edge, request);

      assert.deepEqual([refused.status, json(refused)["code"]], [503, "storage.rebuilding"]);
    }
  });
});
