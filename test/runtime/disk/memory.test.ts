/** What is done with files in memory: bounded by the memory there is, and overwritten before they are removed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Disk } from "#runtime/disk/disk.ts";
import { diskInMemory, MEMORY_LEFT_BYTES } from "#runtime/disk/disk-in-memory.ts";
import { wipe } from "#runtime/disk/wipe.ts";
import { must, ok } from "#runtime/errors.ts";
import { createRealDisk } from "#runtime/real/disk.ts";
import { MiB } from "#runtime/units.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

describe("disk in memory: space", () => {
  for (const [what, freeBytes, totalBytes, availableBytes, expected] of [
    ["the file system has less", 5, 10, MEMORY_LEFT_BYTES + 6, 5],
    ["the machine has less", 5, 10, MEMORY_LEFT_BYTES + 4, 4],
    ["the machine has none to spare", 5, 10, MEMORY_LEFT_BYTES - 1, 0],
    ["the file system has no size", 0, 0, MEMORY_LEFT_BYTES + 4, 4],
  ] as const) {
    it(`is what can be had of both (${what})`, async () => {
      const disk = { space: async () => ok({ freeBytes, totalBytes }) } as unknown as Disk;

      const space = must(await diskInMemory(disk, () => availableBytes).space("/"), "the space");

      assert.deepEqual(space, { freeBytes: expected, totalBytes });
    });
  }
});

describe("wipe", () => {
  it("writes zeros over every byte of every file, then removes all but what is kept", async (context) => {
    const directory = await tempDirectory(context);
    const disk = createRealDisk();
    const [small, large, kept] = ["small", "inner/deep/large", "kept"].map((name) => `${directory}/${name}`);
    assert(small !== undefined && large !== undefined && kept !== undefined);
    must(await disk.makeDirectory(`${directory}/inner/deep`), "a directory");
    const sizes = [3, 9 * MiB + 1];
    const held: number[] = [];
    for (const [index, path] of [small, large].entries()) {
      must(await disk.replaceFile(path, Buffer.alloc(sizes[index] ?? 0, 7)), path);
      held.push(must(await disk.open(path, "read"), path));
    }
    must(await disk.replaceFile(kept, Buffer.from("kept")), kept);

    assert.deepEqual(await wipe(disk, directory, ["kept"]), ok());

    assert.deepEqual(
      must(await disk.list(directory), "the directory").map(({ name }) => name),
      ["kept"],
    );
    for (const [index, descriptor] of held.entries()) {
      const bytes = Buffer.alloc((sizes[index] ?? 0) + 1, 1);
      assert.equal(must(await disk.read(descriptor, bytes, 0), "the bytes"), sizes[index]);
      assert(bytes.subarray(0, -1).every((byte) => byte === 0));
      await disk.close(descriptor);
    }
    assert.deepEqual(await wipe(disk, directory), ok());
    assert.equal((await disk.list(directory)).ok, false);
    assert.deepEqual(await wipe(disk, directory), ok(), "fine where there is none");
  });
});
