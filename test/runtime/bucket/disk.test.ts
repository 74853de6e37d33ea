/** The disk on a bucket in memory, under the suite of the disk seam. */
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { must } from "#runtime/errors.ts";
import { MemoryBucket } from "#runtime/simulated/bucket.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { diskSuite } from "#test/runtime/seams/disk-suite.ts";

diskSuite("bucket in memory", async (context) => {
  const disk = new BucketDisk({ bucket: new MemoryBucket({ pageObjectsMax: 3 }), random: seededRandom(1) });
  must(await disk.makeDirectory("/under/test"), "making");
  context.after(() => {
    if (disk.openCount > 0) throw new Error("a descriptor was left open");
  });
  return { disk, directory: "/under/test" };
});
