/** One object, put by many at the same time: it is stored once, and everybody is told so. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { packBytes, put, randomBytes, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const CLIENTS = 50;

describe("storage: the same object put by fifty at once", () => {
  for (const [name, sizeBytes, openPacksMax] of [
    ["large", 3 * MiB, 64],
    ["large, waiting for packs", 3 * MiB, 3],
    ["spilling over several packs", 6 * MiB, 8],
    ["small", 200 * KiB, 3],
  ] as const) {
    it(`is written once (${name})`, async () => {
      const config = {
        openPacksMax,
        writeQuotaBytes: 64 * MiB,
        packSealBytes: name.startsWith("spilling") ? 2 * MiB : 64 * MiB,
      };
      const kit = await startStorage({ config });
      const bytes = randomBytes(sizeBytes, 1);

      const answers = await Promise.all(Array.from({ length: CLIENTS }, () => put(kit, bytes, { sizeBytes })));

      const stored = answers.map((answer) => (answer.ok ? answer.value : assert.fail(JSON.stringify(answer))));
      assert.equal(stored.filter(({ known }) => !known).length, 1, "one of them stored it");
      assert.equal(new Set(stored.map(({ manifest, cursor }) => manifest + cursor)).size, 1);
      assert((await packBytes(kit.disk)) < 2 * sizeBytes, `${await packBytes(kit.disk)} bytes of packs`);
      const facts = await kit.ref.call("describe", {}, within);
      assert(facts.ok && facts.value.manifestCount === 1);
      const [one] = stored;
      assert(one !== undefined);
      assert.deepEqual(await mustRead(kit.ref, one.manifest, "the object"), bytes);
    });
  }

  it("is stored by the next in line when the first one fails", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3 * MiB, 1);
    kit.disk.failNext("sync", "EIO");

    const answers = await Promise.all([1, 2, 3].map(() => put(kit, bytes, { sizeBytes: bytes.length })));

    const outcomes = answers.map((answer) => (answer.ok ? String(answer.value.known) : answer.failure.code));
    assert.deepEqual(outcomes.sort(), ["false", "storage.write-failed", "true"]);
  });
});
