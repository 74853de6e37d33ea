/**
 * A process that hosts storage and puts objects until it is killed: `putting-host.ts DIRECTORY FIRST_SEED`.
 *
 * It opens the store when a line comes on standard input, says `open`, and then `ack SEED MANIFEST` for every object that
 * was acknowledged. Pipes are written synchronously: what was said is true whatever comes next.
 */
import { once } from "node:events";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { put } from "#test/actors/storage/storage-kit.ts";

/** So that batches hold several objects, and uploads run beside each other. */
const writers = 4;

const [directory = "", firstSeed = "0"] = process.argv.slice(2);
let nextSeed = Number(firstSeed);
await once(process.stdin, "data");
const kit = await startRealStorage(directory);
process.stdout.write("open\n");
await Promise.all(Array.from({ length: writers }, putForEver));

async function putForEver(): Promise<never> {
  for (;;) {
    const seed = nextSeed;
    nextSeed += 1;
    const bytes = objectOf(seed);
    const stored = await put(kit, bytes, seed % 2 === 0 ? { sizeBytes: bytes.length } : {});
    if (!stored.ok) throw new Error(JSON.stringify(stored.failure));
    process.stdout.write(`ack ${seed} ${stored.value.manifest}\n`);
  }
}
