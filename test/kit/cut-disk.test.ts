/** What a cut disk has after its power was cut: what was synced, and nothing else. */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CutDisk, provideCutDisk } from "#test/kit/cut-disk.ts";
import { randomBytes } from "#test/kit/objects.ts";

const skip = (await provideCutDisk()) ?? false;

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** From when on a flush takes seconds. */
async function isSlow(disk: CutDisk): Promise<void> {
  const rate = join(dirname(disk.image), "rate");
  while ((statSync(rate, { throwIfNoEntry: false })?.size ?? 0) === 0) await setTimeout(5);
}

describe("a disk whose power is cut", { skip }, () => {
  const bytes = randomBytes(300_000, 1);

  it("has what was synced, byte for byte, and not what was only written", async () => {
    await using disk = await CutDisk.make();
    await disk.powerOn();
    const path = (name: string): string => join(disk.directory, name);
    await mkdir(path("folder"));
    await writeFile(path("folder/synced"), bytes);
    await writeFile(path("overwritten"), bytes);
    await writeFile(path("old name"), bytes);
    for (const name of ["folder/synced", "overwritten", "old name", "folder", "."]) await sync(path(name));
    await writeFile(path("unsynced"), bytes);
    await writeFile(path("overwritten"), new Uint8Array(300_000), { flag: "r+" });
    await rename(path("old name"), path("new name"));
    assert.deepEqual(await readFile(path("unsynced")), bytes, "it is there as long as there is power");
    await disk.cutPower();
    assert.deepEqual(await readdir(disk.directory), []);

    for (const start of ["first", "second"]) {
      await disk.powerOn();
      assert.deepEqual(await readFile(path("folder/synced")), bytes, start);
      assert.deepEqual(await readFile(path("overwritten")), bytes, start);
      assert.deepEqual((await readdir(disk.directory)).sort(), ["folder", "lost+found", "old name", "overwritten"]);
      await disk.cutPower();
    }
  });

  it("loses its power in the middle of what it makes durable, and has a part of it then", async () => {
    await using disk = await CutDisk.make();
    await disk.powerOn();
    const path = join(disk.directory, "overwritten");
    const BLOCK = 64 * 1024;
    const before = new Uint8Array(32 * BLOCK);
    await writeFile(path, before);
    for (const name of [path, disk.directory]) await sync(name);
    const file = await open(path, "r+");
    try {
      await file.write(new Uint8Array(before.length).fill(1));
      const tearing = disk.tear();
      // A flush that begins before it is slow may end before it is torn.
      await isSlow(disk);
      // It is not answered that it is durable.
      await assert.rejects(file.sync());
      assert.equal(await tearing, true);
    } finally {
      await file.close().catch(() => undefined);
    }

    await disk.powerOn();
    const after = await readFile(path);
    assert.equal(after.length, before.length);
    const written = after.filter((byte) => byte === 1).length;
    assert(written > 0 && written < after.length, `${written} of ${after.length} bytes`);
  });

  it("is cut all the same where nothing is made durable", async () => {
    await using disk = await CutDisk.make();
    await disk.powerOn();

    assert.equal(await disk.tear(), false);

    assert.deepEqual(await readdir(disk.directory), []);
  });

  it("begins with an image, and leaves nothing", async () => {
    await using first = await CutDisk.make();
    await first.powerOn();
    await writeFile(join(first.directory, "synced"), bytes);
    await sync(join(first.directory, "synced"));
    await first.cutPower();
    const second = await CutDisk.make({ image: first.image });
    try {
      await second.powerOn();
      assert.deepEqual(await readFile(join(second.directory, "synced")), bytes);
    } finally {
      await second[Symbol.asyncDispose]();
    }
    assert(!existsSync(dirname(second.directory)));
  });
});
