/** People decide who may write about whose subjects, through ingest's protocol: what it comes to, and from when on it counts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Uuid } from "#actors/domain/uuid.ts";
import { INGEST_SILENCE_MS_MAX } from "#actors/ingest/actor.ts";
import { Bindings } from "#actors/ingest/bindings.ts";
import type { IngestConfig } from "#actors/ingest/config.ts";
import type { BindingOrder } from "#actors/ingest/protocol.ts";
import type { Binding, LegacyBinding } from "#actors/ingest/rows/event-rows.ts";
import { must, ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { second } from "#runtime/units.ts";
import { envelope, eventId, lean, producerId, token } from "#test/actors/ingest/events.ts";
import { idOf, within } from "#test/actors/ingest/rows/scene.ts";
import { asked, ingestWorld, type World } from "#test/actors/ingest/world.ts";

const other = idOf(0xb);

interface Scene {
  readonly world: World;
  readonly subjectId: Uuid;
  review(action: BindingOrder["action"], of?: Uuid, subject?: Uuid): Promise<unknown>;
  /** Of events of that number and the payload, in one word: a row, or why not. */
  publish(number: number, payload?: string, by?: string): Promise<string>;
}

/** A subject of `producerId`, for which `other` waits. Both publish. */
async function scene(config: Partial<IngestConfig> = {}): Promise<Scene> {
  const world = await ingestWorld({ config });
  world.admissions.set(token, { kind: "admitted", producerId, subjectId: undefined });
  world.admissions.set("other", { kind: "admitted", producerId: other, subjectId: undefined });
  const subjectId = await world.subject(producerId, "hosts/a");
  const body = { subjectKey: "hosts/a", schemaName: "trade", schemaBody: {}, attrs: {}, atMs: 7 };
  const waits = must(await world.table.registerSubject({ ...body, producerId: other }), "register");
  assert.deepEqual(waits, { kind: "refused", reason: "needs_review" });
  return {
    world,
    subjectId,
    review: (action, of = other, subject = subjectId) => {
      const order: BindingOrder = { action, producerId: of, subjectId: subject, reviewer: "fdc-admin" };
      return world.until(world.ref.call("reviewBinding", order, asked));
    },
    publish: async (number, payload = lean(number, subjectId), by = "other") => {
      const before = (await world.entries("events:dlq")).length;
      await world.send("events", { payload, token: by });
      await world.settled();
      const letters = await world.entries("events:dlq");
      return letters.length === before ? "row" : (letters.at(-1)?.["reason"] ?? "");
    },
  };
}

const listed = async ({ world }: Scene, after?: number): Promise<unknown> =>
  must(await world.until(world.ref.call("listBindingRequests", { after, limit: 10 }, asked)), "a page");

describe("ingest: bindings that wait for a review", () => {
  it("are listed, decided and told to the producer (ING-37, ING-38)", async () => {
    const one = await scene();
    const { world, subjectId, review } = one;
    const before = await listed(one);

    const reviewed = await review("approve");

    assert.deepEqual(before, [{ number: 1, producerId: other, subjectId, subjectKey: "hosts/a", askedMs: 7 }]);
    assert.deepEqual(reviewed, ok({ subjectKey: "hosts/a", isTold: true }));
    assert.deepEqual(await listed(one), []);
    const pair = { producer_id: other, subject_id: subjectId, subject_key: "hosts/a" };
    assert.deepEqual(await world.entries(`fdc:subject:resp:${other}`), [{ status: "approved", ...pair }]);
    await review("deny");
    const told = await world.entries(`fdc:subject:resp:${other}`);
    assert.deepEqual(told.at(-1), { status: "denied", error: "review_denied", ...pair });
  });

  it("are read from behind a number on", async () => {
    const one = await scene();

    assert.deepEqual(await listed(one, 1), []);
  });

  it("are of subjects that there are, and nobody else is told", async () => {
    const { world, review } = await scene();

    const unknown = await review("approve", other, idOf(9));

    assert.deepEqual(unknown, { ok: false, failure: { code: "ingest.subject-unknown", subjectId: idOf(9) } });
    assert.deepEqual(await world.entries(`fdc:subject:resp:${other}`), []);
  });

  it("are of producers that there are, but for the one of older events without a token (ING-37)", async () => {
    const { world, subjectId, review } = await scene({ legacyProducer: idOf(8).toUpperCase() });
    for (const id of [8, 9]) world.unknownProducers.add(idOf(id));
    const boundTo = async (id: number) =>
      must(await world.table.bindings([{ producerId: idOf(id), subjectId }]), "bindings").map(({ kind }) => kind);

    const unknown = [await review("approve", idOf(9)), await review("deny", idOf(9))];
    const legacy = await review("approve", idOf(8));
    world.isAuthAway = true;
    const away = await review("deny");

    const failure = { code: "ingest.producer-unknown", producerId: idOf(9) };
    assert.deepEqual(unknown, Array(2).fill({ ok: false, failure }));
    assert.deepEqual(await boundTo(9), ["producer_subject_forbidden"]);
    assert.deepEqual(legacy, ok({ subjectKey: "hosts/a", isTold: true }));
    assert.deepEqual(away, {
      ok: false,
      failure: { code: "ingest.unavailable", cause: "it is away" },
    });
  });

  it("are decided also where the producer cannot be told, and no later than a Redis that hangs is given up", async () => {
    const one = await scene();
    const { world, review, publish } = one;
    world.server.fateOf = (names) => (names.includes("PEXPIRE") ? "lost" : "answered");
    const lost = await review("approve");
    world.server.fateOf = () => "answered";
    await world.pass(3 * second);
    world.server.stall(15 * second);
    const startedMs = world.machine.clock.nowMs();
    const silent = await review("approve");
    const tookMs = world.machine.clock.nowMs() - startedMs;
    await world.pass(10 * second);

    const untold = ok({ subjectKey: "hosts/a", isTold: false });
    assert.deepEqual([lost, silent], [untold, untold]);
    assert(tookMs <= INGEST_SILENCE_MS_MAX + 100, `${tookMs} ms`);
    assert.deepEqual(await listed(one), []);
    assert.equal(await publish(1), "row");
  });

  it("fail where nobody knows what was done, and count all the same where it was (ING-38)", async () => {
    const { world, review, publish } = await scene();
    assert.equal(await publish(1, undefined, token), "row");
    world.fateOfRows = (question) => (question === "reviewBinding" ? "done-unheard" : "answered");

    const unheard = await review("deny", producerId);

    assert.equal(Object(unheard).failure.code, "ingest.unavailable");
    assert.equal(await publish(2, undefined, token), "producer_subject_forbidden");
  });
});

describe("ingest: a binding that was decided about (ING-38)", () => {
  it("counts at once, whatever was remembered", async () => {
    const { world, subjectId, review, publish } = await scene();
    const words = [await publish(1)];
    await review("approve");
    words.push(await publish(2));
    await review("deny");
    words.push(await publish(3));
    await review("approve");
    words.push(await publish(4));

    const forbidden = "producer_subject_forbidden";
    assert.deepEqual(words, [forbidden, "row", forbidden, "row"]);
    const why = "somebody else has registered it, or an administrator has said no";
    const errors = (await world.entries("events:dlq")).map(({ error }) => error);
    assert.deepEqual(errors, Array(2).fill(`the producer may not write about the subject ${subjectId}: ${why}`));
  });

  it("leaves what was written as it is", async () => {
    const { world, review, publish } = await scene();
    await review("approve");
    await publish(1);
    await review("deny");

    const stored = must(await world.until(world.ref.call("readEvent", { eventId: eventId(1) }, asked)), "the event");

    assert.equal(stored.producerId, other);
  });

  it("counts at once also of a subject of protocol 0.1.0", async () => {
    const { world, review, publish } = await scene();
    const words = [await publish(1, envelope())];
    const use = { producerId: other, subjectKey: "binance/BTCUSDT", schemaName: "fdc-0.1.0/trade" };
    const [place] = must(await world.table.legacy([use]), "the place");
    assert(place?.kind === "bound");

    await review("deny", other, place.subjectId);
    words.push(await publish(2, envelope({ id: "01J9Z0MZ3D0J3C3N8C4E9W6Z7R" })));

    assert.deepEqual(words, ["row", "producer_subject_forbidden"]);
  });
});

describe("ingest: what is remembered of bindings", () => {
  it("is nothing that was asked for before it was decided about (ING-38)", async () => {
    const pair = { producerId: other, subjectId: idOf(1) };
    const use = { producerId: other, subjectKey: "x/a", schemaName: "fdc-0.1.0/trade" };
    const bound = { kind: "bound", schemaId: idOf(2), subjectId: idOf(1) } as const;
    const doors: (() => void)[] = [];
    const slowly = async <Value>(value: Value) => {
      await new Promise<void>((open) => doors.push(open));
      return ok([value]);
    };
    const rows = { bindings: () => slowly<Binding>(bound), legacy: () => slowly<LegacyBinding>(bound) };
    const bindings = new Bindings(rows, new ManualClock());

    const asking = [bindings.bindings([pair], within), bindings.legacy([use], within)];
    bindings.forgetReviewed(pair);
    for (const open of doors.splice(0)) open();
    await Promise.all(asking);
    void bindings.bindings([pair], within);
    void bindings.legacy([use], within);

    assert.equal(doors.length, 2, "both are asked for again");
  });
});
