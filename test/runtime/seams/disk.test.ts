/** Both disks under one suite. */
import { createRealDisk } from "#runtime/real/disk.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { diskSuite } from "#test/runtime/seams/disk-suite.ts";

diskSuite("real", async (context) => ({ disk: createRealDisk(), directory: await tempDirectory(context) }));
diskSuite("memory", async (context) => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/under/test");
  context.after(() => {
    if (disk.openCount > 0) throw new Error("a descriptor was left open");
  });
  return { disk, directory: "/under/test" };
});
