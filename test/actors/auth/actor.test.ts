/** Auth over a directory in memory. */
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { describeAuth } from "#test/actors/auth/suite.ts";

describeAuth("memory", async () => new MemoryDirectory(seededRandom(1)));
