/** The compiled code of old builds, on a disk in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { COMPILED_BUILDS_MAX, compileCacheFor } from "#supervisor/root/compile-cache.ts";

const parent = "/data/cache/compile";

/** A start of `build`, and what its cells leave there. */
async function run(disk: MemoryDisk, build: string): Promise<void> {
  const directory = await compileCacheFor(disk, parent, build);
  assert.equal(directory, `${parent}/${build}`);
  must(await disk.makeDirectory(`${directory}/v26`), "making");
}

async function builds(disk: MemoryDisk): Promise<readonly string[]> {
  const listed = must(await disk.list(parent), "listing");
  return listed.flatMap(({ name, kind }) => (kind === "directory" ? [name] : [])).sort();
}

describe("compile cache: old builds", () => {
  it("are removed but for the one that ran before", async () => {
    const disk = new MemoryDisk();

    for (const build of ["c", "a", "b"]) await run(disk, build);

    assert.equal(COMPILED_BUILDS_MAX, 2);
    assert.deepEqual(await builds(disk), ["a", "b"]);
  });

  it("count from when they last ran, and a restart changes nothing", async () => {
    const disk = new MemoryDisk();

    for (const build of ["a", "b", "b", "a", "c"]) await run(disk, build);

    assert.deepEqual(await builds(disk), ["a", "c"]);
  });

  it("that nobody remembers are removed with the next change, and a disk that refuses is left alone", async () => {
    const disk = new MemoryDisk();
    await run(disk, "a");
    must(await disk.remove(`${parent}/newest-first`), "removing");
    disk.failNext("list", "EIO");

    await run(disk, "b");
    assert.deepEqual(await builds(disk), ["a", "b"]);
    await run(disk, "c");

    assert.deepEqual(await builds(disk), ["b", "c"]);
  });
});
