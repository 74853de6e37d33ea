/** The disk on a real S3 server, under the suite of the disk seam. */
import { after } from "node:test";
import { BucketDisk } from "#runtime/bucket/bucket-disk.ts";
import { must } from "#runtime/errors.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { bucketAt, S3Server } from "#test/runtime/bucket/s3-server.ts";
import { diskSuite } from "#test/runtime/seams/disk-suite.ts";

const server = await S3Server.start({ after });
let disks = 0;

diskSuite("real S3 server", async (context) => {
  disks += 1;
  const disk = new BucketDisk({ bucket: bucketAt(context, server.port, `disk-${disks}`), random: createRealRandom() });
  must(await disk.makeDirectory("/under/test"), "making");
  context.after(() => {
    if (disk.openCount > 0) throw new Error("a descriptor was left open");
  });
  return { disk, directory: "/under/test" };
});
