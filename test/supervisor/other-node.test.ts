/** Whether another node lives, on sockets in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import type { Connection } from "#runtime/network/network.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { isOtherAlive, OTHER_NODE_LOOK_MS, OTHER_NODE_LOOKS_MAX } from "#supervisor/root/other-node.ts";
import { placesOf } from "#supervisor/root/places.ts";

const scheduler = { microtask: queueMicrotask, macrotask: queueMicrotask };
const facts = { runtimeDirectory: undefined, amnesia: false, userId: 1, digest: () => "0123456789ab" };
const places = placesOf({ ...facts, dataDirectory: "/data" });
const quiet = { onBytes: () => undefined, onDrain: () => undefined, onClose: () => undefined };

function scene(record?: object) {
  const disk = new MemoryDisk();
  const network = new SimulatedNetwork({ scheduler });
  const clock = new ManualClock();
  const ask = async (): Promise<boolean> => {
    if (record !== undefined) {
      must(await disk.makeDirectory("/data"), "made");
      must(await disk.replaceFile(places.record, Buffer.from(JSON.stringify(record))), "written");
    }
    const asked = isOtherAlive({ disk, network, clock }, places);
    await clock.advance(OTHER_NODE_LOOK_MS);
    return asked;
  };
  return { network, clock, ask };
}

describe("other node: is it alive (SUP-11)", () => {
  it("is, when its socket is listened on, where it is now or where its record says", async () => {
    const here = scene();
    must(await here.network.listen({ path: places.adminSocket }, () => quiet), "listening");
    const elsewhere = scene({ pid: 7, data: "/data", admin: "/run/user/1/admin.sock" });
    must(await elsewhere.network.listen({ path: "/run/user/1/admin.sock" }, () => quiet), "listening");

    assert.deepEqual([await here.ask(), await elsewhere.ask()], [true, true]);
  });

  it("is not, when nobody listens, or when the record came with a copy of another node's directory", async () => {
    const killed = scene({ pid: 7, data: "/data", admin: "/run/user/1/admin.sock" });
    const copied = scene({ pid: 7, data: "/original", admin: "/run/user/1/admin.sock" });
    must(await copied.network.listen({ path: "/run/user/1/admin.sock" }, () => quiet), "listening");

    assert.deepEqual([await killed.ask(), await copied.ask()], [false, false]);
  });

  it("is not, when it listens no more a moment later: it was killed just now", async () => {
    const { network, ask } = scene();
    const path = places.adminSocket;
    const dying = must(
      await network.listen({ path }, () => {
        void Promise.resolve().then(() => dying.close());
        return quiet;
      }),
      "listening",
    );

    assert.equal(await ask(), false);
  });

  it("is, when it has no room for one more connection, however often it is asked", async () => {
    const { network, ask } = scene();
    let closed = 0;
    const full = (connection: Connection) => {
      closed += 1;
      void Promise.resolve().then(() => connection.destroy());
      return quiet;
    };
    must(await network.listen({ path: places.adminSocket }, full), "listening");

    assert.deepEqual([await ask(), closed], [true, OTHER_NODE_LOOKS_MAX]);
  });
});
