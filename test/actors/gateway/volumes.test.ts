/** What HTTP says of volumes, and what it lets be done about their repair (GW-75). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VolumesFacts } from "#actors/domain/volumes-facts.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const bare = { id: "", directory: "/mnt/b", packBytes: 0, freeBytes: 0, totalBytes: 0, fileSystem: undefined };
const whole = {
  id: "0011223344556677",
  directory: "/mnt/a",
  packBytes: 1,
  freeBytes: 2,
  totalBytes: 3,
  fileSystem: "fe01",
};
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
  { ...bare, fileSystem: null, state: "absent", problem: "No disk is mounted there." },
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

  it("takes questions and orders there, and nothing but an order at /repair", async () => {
    const { edge } = await openSimulated();

    for (const [method, target, allow] of [
      ["PUT", "/volumes", "GET, HEAD, POST"],
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

  for (const [query, mayLose] of [
    ["", false],
    ["&lose=yes", true],
    ["&lose=1", false],
  ] as const) {
    it(`gives a volume up, ${mayLose ? "also where something is lost with it" : "where nothing is"}: ${query} (GW-76)`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.replies.set("forgetVolume", facts);

      const forgotten = await send(edge, { method: "POST", target: `/volumes?forget=0123456789abcdef${query}` });

      assert.deepEqual([forgotten.status, json(forgotten)["volumes"]], [200, volumes]);
      assert.deepEqual(overlay.asked, [{ volume: "0123456789abcdef", mayLose }]);
    });
  }

  for (const query of ["", "?forget=", "?forget=a&forget=b"]) {
    it(`gives up no volume for ${query || "no query"} (GW-76)`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.replies.set("forgetVolume", facts);

      const refused = await send(edge, { method: "POST", target: `/volumes${query}` });

      assert.deepEqual([refused.status, json(refused)["code"]], [400, "gateway.volume-missing"]);
      assert.deepEqual(overlay.asked, []);
    });
  }

  it("says why a volume is not given up (GW-76)", async () => {
    const { edge, overlay } = await openSimulated();
    const volume = "0123456789abcdef";
    const needed = { code: "storage.volume-needed", volume, isKnown: true, backlogCount: 3 };
    const refusals = [
      { failure: { code: "storage.volume-unknown", volume }, status: 404, message: /cepa volumes/ },
      { failure: { code: "storage.volume-in-use", volume }, status: 409, message: /storage\.volumes/ },
      { failure: { ...needed, lostCount: 0 }, status: 409, message: /3 chunks.*cepa repair --watch/ },
      { failure: { ...needed, lostCount: 2 }, status: 409, message: /Of 2 chunks.*Mount it/ },
      { failure: { ...needed, isKnown: false, lostCount: 0 }, status: 409, message: /Nobody knows.*Mount it/ },
    ];
    for (const { failure, status, message } of refusals) {
      overlay.failures.forgetVolume = failure;
      const refused = await send(edge, { method: "POST", target: `/volumes?forget=${volume}` });
      assert.deepEqual([refused.status, json(refused)["code"]], [status, failure.code]);
      assert.match(String(json(refused)["message"]), message);
    }
  });

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
