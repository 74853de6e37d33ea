/** What is wrong with the data directory, before anything in it is touched: only what a person has to mend is said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemWithPlace } from "#actors/storage/place.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";

async function diskWith(...directories: readonly string[]): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data");
  for (const directory of directories) await disk.makeDirectory(directory);
  return disk;
}

describe("storage: the place", () => {
  it("is fine where there is nothing yet, and where there is what belongs there", async () => {
    assert.equal(await problemWithPlace("/data", await diskWith()), undefined);
    assert.equal(await problemWithPlace("/data", await diskWith("/data/packs")), undefined);
  });

  it("is not fine where something else has the name of a part", async () => {
    const problem = await problemWithPlace("/data", await diskWith("/data/store.lock"));

    assert.equal(problem, "/data/store.lock is not a file: put back what belongs there, or remove it");
  });

  it("is not fine where it may not be read", async () => {
    const disk = await diskWith("/data/packs");
    disk.failNext("list", "EACCES");

    assert.equal(await problemWithPlace("/data", disk), "cannot use /data (EACCES): mend its owner and mode");
  });

  it("is not fine on a file system that has become read-only", async () => {
    const disk = await diskWith("/data/packs");
    disk.failNext("list", "EROFS");

    assert.match((await problemWithPlace("/data", disk)) ?? "", /^cannot use \/data \(EROFS\): .*mount it for writing/);
  });

  for (const errno of ["EMFILE", "ENOMEM", "EIO"]) {
    it(`is not blamed for ${errno}, which may pass`, async () => {
      const disk = await diskWith("/data/packs");
      disk.failNext("list", errno);

      assert.equal(await problemWithPlace("/data", disk), undefined);
    });
  }
});
