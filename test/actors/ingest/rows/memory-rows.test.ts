/** The rows in memory: what all rows promise. */
import { MemoryRows } from "#actors/ingest/rows/memory-rows.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { describeSubjects } from "#test/actors/ingest/rows/subjects.ts";
import { describeWriting } from "#test/actors/ingest/rows/writing.ts";

describeWriting("memory", async () => new MemoryRows(seededRandom(1)));
describeSubjects("memory", async (limits) => new MemoryRows(seededRandom(1), limits));
