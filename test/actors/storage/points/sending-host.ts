/**
 * A process to which clients send objects in pieces: `sending-host.ts DIRECTORY`. It says what was answered: `begun
 * SEED UPLOAD`, `at SEED BYTES`, `stored SEED MANIFEST`, and `cancelling SEED` before it asks for that, `cancelled
 * SEED` after. Pipes are written synchronously, so what was said is true whatever comes next. Whoever is refused asks
 * where the upload is, and goes on there, a few times.
 */
import { inspect } from "node:util";
import type { UploadId } from "#actors/domain/upload.ts";
import { KiB } from "#runtime/units.ts";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { append, begin, cancel, long, stat } from "#test/actors/storage/staging-kit.ts";

const TRIES = 4;
const PIECE_BYTES = 200 * KiB;

const [directory = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const kit = await startRealStorage(directory);
process.once("beforeExit", () => process.stderr.write(`${inspect(kit.exits, { depth: 4 })}\n`));
await Promise.all([send(1), send(8)]);
await leave(4);
await send(5);
await kit.close();
say("done");
process.exit(0);

async function send(seed: number): Promise<void> {
  const bytes = objectOf(seed);
  const upload = await start(seed, bytes.length);
  if (upload === undefined) return;
  for (let refusals = 0; refusals < TRIES; ) {
    const found = await stat(kit, upload, long);
    if (!found.ok) {
      refusals += 1;
      continue;
    }
    const { offsetBytes, stored } = found.value;
    say(`at ${seed} ${offsetBytes}`);
    if (stored !== undefined) return say(`stored ${seed} ${stored.manifest}`);
    const added = await append(kit, upload, offsetBytes, bytes.subarray(offsetBytes, offsetBytes + PIECE_BYTES));
    if (added.ok) say(`at ${seed} ${added.value.offsetBytes}`);
    else refusals += 1;
  }
}

/** Begins, and cancels what it began. */
async function leave(seed: number): Promise<void> {
  const bytes = objectOf(seed);
  const upload = await start(seed, bytes.length);
  if (upload === undefined) return;
  const added = await append(kit, upload, 0, bytes.subarray(0, PIECE_BYTES));
  if (added.ok) say(`at ${seed} ${added.value.offsetBytes}`);
  say(`cancelling ${seed}`);
  if ((await cancel(kit, upload)).ok) say(`cancelled ${seed}`);
}

async function start(seed: number, sizeBytes: number): Promise<UploadId | undefined> {
  const begun = await begin(kit, { sizeBytes });
  if (!begun.ok) return undefined;
  say(`begun ${seed} ${begun.value.upload}`);
  return begun.value.upload;
}
