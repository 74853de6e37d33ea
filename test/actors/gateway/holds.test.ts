/** What HTTP asks of objects beside their bytes: removing, restoring, holding, collecting (GW-70 … GW-73). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const address = `b3:${"a".repeat(64)}`;
const root = "c".repeat(64);
const collection = { phase: "idle", last: undefined };

describe("gateway: holding objects", () => {
  const cases = [
    ["DELETE", `/o/${address}`, "remove", removed(address), { address }, { restorableUntil: at(0), address }],
    ["DELETE", `/m/${root}`, "remove", removed(), { root }, { restorableUntil: at(0), manifest: root }],
    ["DELETE", `/m/${root}`, "remove", removed(address), { root }, { restorableUntil: at(0), manifest: root, address }],
    [
      "POST",
      `/o/${address}/restore`,
      "restore",
      { address, manifest: root, sizeBytes: 5 },
      { address },
      { address, size: 5, manifest: root },
    ],
    ["DELETE", `/o/${address}/pin`, "unpin", undefined, { address }, { address, pinned: false }],
    [
      "PUT",
      `/m/b3:${root}/pin`,
      "pin",
      { untilMs: undefined },
      { target: { root }, untilMs: undefined },
      { manifest: root, pinned: true, until: null },
    ],
  ] as const;
  for (const [method, target, name, reply, asked, said] of cases) {
    it(`answers ${method} ${target.replace(/[ac]{10,}/, "…")} with what is true afterwards (GW-70)`, async () => {
      const { edge, overlay } = await openSimulated();
      overlay.replies.set(name, reply);

      const answer = await send(edge, { method, target });

      assert.equal(answer.status, 200);
      assert.deepEqual(json(answer), said);
      assert.deepEqual(overlay.asked, [asked]);
    });
  }

  it("counts the seconds of Cepa-Keep from now, for a pin and for a put (GW-71)", async () => {
    const { edge, overlay, clock } = await openSimulated();
    overlay.replies.set("pin", { untilMs: clock.wallMs() + 90_000 });
    const untilMs = clock.wallMs() + 90_000;

    const pinned = await send(edge, { method: "PUT", target: `/o/${address}/pin`, headers: { "cepa-keep": "90" } });
    const stored = await send(edge, {
      method: "PUT",
      target: "/put",
      headers: { "cepa-keep": "7" },
      body: new MemorySource(Buffer.from("x")),
    });

    assert.deepEqual(json(pinned), { address, pinned: true, until: at(untilMs) });
    assert.equal(stored.status, 201);
    assert.deepEqual(overlay.keeps, [7000]);
  });

  it("says until when an object is held that is held for longer than is asked (GW-70)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.replies.set("pin", { untilMs: undefined });

    const pinned = await send(edge, { method: "PUT", target: `/o/${address}/pin`, headers: { "cepa-keep": "90" } });

    assert.deepEqual(json(pinned), { address, pinned: true, until: null });
  });

  for (const field of ["0", "-1", "1.5", "3155760001", "1e3", "", "soon"]) {
    it(`refuses Cepa-Keep: ${field || "nothing"} before the body (GW-71)`, async () => {
      const { edge, overlay } = await openSimulated();

      const answer = await send(edge, {
        method: "PUT",
        target: "/put",
        headers: { "cepa-keep": field },
        body: new MemorySource(Buffer.from("x")),
      });

      assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-keep"]);
      assert.equal(overlay.objects.size, 0);
    });
  }

  it("lets no page of another origin remove or collect (GW-41)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.replies.set("remove", { restorableUntilMs: 0 });
    overlay.replies.set("collectGarbage", collection);
    const headers = { origin: "https://elsewhere.example" };

    for (const request of [
      { method: "DELETE", target: `/o/${address}`, headers },
      { method: "POST", target: "/gc", headers },
    ]) {
      assert.equal((await send(edge, request)).status, 403);
    }
    assert.deepEqual(overlay.asked, []);
  });

  it("lists the trash a page at a time (GW-72)", async () => {
    const { edge, overlay } = await openSimulated();
    const entry = { address, manifest: root, sizeBytes: 5, removedAtMs: 1000, restorableUntilMs: 2000 };
    overlay.replies.set("listTrash", { entries: [entry], next: "o1" });

    const answer = await send(edge, { target: "/trash?after=o0" });

    const said = { address, size: 5, manifest: root, removedAt: at(1000), restorableUntil: at(2000) };
    assert.deepEqual(json(answer), { entries: [said], next: "o1" });
    assert.deepEqual(overlay.asked, [{ after: "o0", limit: 1000 }]);
  });

  it("begins a collection, and tells how the last one went (GW-73)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.replies.set("collectGarbage", collection);
    const trash = { objectCount: 1, bytes: 2 };
    overlay.replies.set("describe", {
      storage: { collection, trash, storedBytes: 3, freeBytes: 4, manifestCount: 5 },
      index: {},
    });

    const begun = await send(edge, { method: "POST", target: "/gc?trash=empty" });
    const told = await send(edge, { target: "/gc" });

    assert.equal(begun.status, 202);
    assert.deepEqual(json(begun), { phase: "idle" });
    assert.deepEqual(json(told), { phase: "idle", storedBytes: 3, freeBytes: 4, objectCount: 5, trash });
    assert.deepEqual(overlay.asked[0], { emptyTrash: true });
  });
});

describe("gateway: scrubbing", () => {
  it("says how far it is and what is damaged, and begins anew when asked (GW-74)", async () => {
    const { edge, overlay } = await openSimulated();
    const scrub = {
      isRunning: true,
      totalBytes: 9,
      dueBytes: 4,
      awayBytes: 0,
      unverifiedBytes: 0,
      oldestVerifiedAtMs: 1000,
      etaMs: 5,
      periodMs: 6,
      wholeMs: 7,
      damaged: [{ address, manifest: root, sizeBytes: 3, isRemoved: true }],
    };
    overlay.replies.set("scrubNow", { ...scrub, oldestVerifiedAtMs: 0 });
    overlay.replies.set("describe", { storage: { scrub, damagedChunkCount: 2 }, index: {} });

    const told = await send(edge, { target: "/scrub" });
    const begun = await send(edge, { method: "POST", target: "/scrub" });

    const said = {
      isRunning: true,
      totalBytes: 9,
      dueBytes: 4,
      awayBytes: 0,
      unverifiedBytes: 0,
      etaMs: 5,
      periodMs: 6,
      wholeMs: 7,
      damaged: [{ address, size: 3, manifest: root, removed: true }],
    };
    assert.deepEqual(json(told), { ...said, oldestVerifiedAt: at(1000), damagedRecords: 2 });
    assert.deepEqual([begun.status, json(begun)], [202, { ...said, oldestVerifiedAt: null }]);
  });
});

function removed(of?: string): unknown {
  return { address: of, restorableUntilMs: 0 };
}

function at(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
