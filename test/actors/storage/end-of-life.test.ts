/** The end of an incarnation: what was on its way leaves nothing open and writes nothing more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "#actors/domain/address.ts";
import { KiB } from "#runtime/units.ts";
import { packBytes, put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

describe("storage: the end of an incarnation", () => {
  it("keeps no descriptor of a reader whose pack was still being opened", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(300 * KiB, 1);
    const done = await put(kit, bytes);
    assert(done.ok && done.value.address !== undefined);
    const chunk = digestOf(done.value.address);
    const slices = [{ chunk, offset: 0, lengthBytes: bytes.length }];
    const answer = await kit.ref.call("readChunks", { slices }, within);
    assert(answer.ok);
    const open = kit.disk.open.bind(kit.disk);
    const gate = Promise.withResolvers<void>();
    kit.disk.open = async (path, mode) => {
      if (mode === "read") await gate.promise;
      return await open(path, mode);
    };
    const reading = answer.value.source.read(new Uint8Array(1000));
    await turns();

    const stopping = kit.actor.stop();
    await turns();
    gate.resolve();
    assert.equal(await reading, -1);
    await stopping;
    await turns();

    assert.equal(kit.disk.openCount, 0);
  });

  it("begins no further batch, though the pack of the last one has room", async () => {
    const kit = await startStorage();
    assert((await put(kit, randomBytes(10, 3))).ok);
    const sync = kit.disk.sync.bind(kit.disk);
    const gate = Promise.withResolvers<void>();
    kit.disk.sync = async (descriptor) => {
      await gate.promise;
      return await sync(descriptor);
    };
    const first = put(kit, randomBytes(5000, 1));
    await turns();
    const written = await packBytes(kit.disk);
    const second = put(kit, randomBytes(5000, 2));
    await turns();

    kit.actor.kill("test");
    await turns();
    gate.resolve();
    await turns();

    assert.deepEqual([(await first).ok, (await second).ok], [false, false]);
    assert.equal(await packBytes(kit.disk), written);
    assert.equal(kit.disk.openCount, 0);
  });
});

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
