/** What clients can tell of the room that a node has. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Room } from "#chaos/workload/room.ts";
import type { WorldAnswer } from "#chaos/world.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { second } from "#runtime/units.ts";

const FULL = answer(507, "storage.full");
const STORED = answer(201);
const PUT = { method: "PUT", target: "/put" };

function answer(status: number, code?: string): WorldAnswer {
  return { status, headers: {}, body: Buffer.from(JSON.stringify({ code })), complete: true };
}

class Scene {
  readonly clock = new ManualClock();
  answer: WorldAnswer | undefined | Promise<WorldAnswer> = STORED;
  readonly room = new Room({ clock: this.clock, request: async () => this.answer });

  async put(said: WorldAnswer | undefined | Promise<WorldAnswer>, request = PUT): Promise<void> {
    this.answer = said;
    await this.room.request(request);
  }
}

async function refused(): Promise<Scene> {
  const scene = new Scene();
  await scene.clock.advance(60 * second);
  await scene.put(FULL);
  return scene;
}

describe("chaos: room", () => {
  it("is there until somebody is refused for want of it", async () => {
    const scene = new Scene();
    await scene.clock.advance(60 * second);
    for (const said of [STORED, answer(507, "storage.uploads-full"), answer(503)]) await scene.put(said);

    assert(!scene.room.isFull(0));
    assert(!scene.room.mayBeFull());
    await scene.put(FULL);
    assert(scene.room.isFull(0));
    assert(scene.room.mayBeFull());
  });

  it("is not known for certain of a gateway that is younger, nor longer than one remembers", async () => {
    const { room, clock } = await refused();

    assert(!room.isFull(clock.nowMs()));
    await clock.advance(9 * second);
    assert(!room.isFull(0));
    assert(room.mayBeFull());
    await clock.advance(2 * second);
    assert(!room.mayBeFull());
  });

  it("is not known where it is refused to say how far an upload is: that may be for want of room", async () => {
    const scene = new Scene();
    await scene.clock.advance(120 * second);
    await scene.put(answer(423), { method: "HEAD", target: "/uploads/1" });

    assert(!scene.room.isFull(0));
    assert(scene.room.mayBeFull());
  });

  it("is there again when something was stored, by whatever way", async () => {
    for (const request of [PUT, { method: "PATCH", target: "/uploads/1" }, { method: "PUT", target: "/o/b3:00" }]) {
      const scene = await refused();
      const { storedCount } = scene.room;
      await scene.put(STORED, request);

      assert(!scene.room.isFull(0));
      assert(scene.room.mayBeFull(), "it may be remembered where the answer came late");
      assert.equal(scene.room.storedCount, storedCount + 1);
    }
  });

  it("knows nothing of what reads, removes and holds", async () => {
    for (const request of [
      { method: "GET", target: "/o/b3:00" },
      { method: "DELETE", target: "/o/b3:00" },
      { method: "PUT", target: "/o/b3:00/pin" },
    ]) {
      const scene = await refused();
      await scene.put(STORED, request);

      assert(scene.room.isFull(0), request.target);
    }
  });

  it("is in doubt while a put is under way, and after one that was not answered", async () => {
    const scene = await refused();
    const late = Promise.withResolvers<WorldAnswer>();
    const putting = scene.put(late.promise);
    assert(!scene.room.isFull(0));
    late.resolve(FULL);
    await putting;
    assert(scene.room.isFull(0));

    await scene.put(undefined);
    assert(!scene.room.isFull(0));
    await scene.clock.advance(20 * second);
    assert(scene.room.mayBeFull());
  });
});
