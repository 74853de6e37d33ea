/**
 * A process that does a bit of everything that storage makes durable, one thing after another: `workload-host.ts DIRECTORY
 * MODE LAYOUT`. It says what it is about to do, and what was answered; pipes are written synchronously, so what was said is true
 * whatever comes next. With `recover` it only opens the store, and waits until it is whole. With `volumes` the packs are on six
 * of them, one of which decays on the way and is healed.
 */
import { closeSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { inspect } from "node:util";
import type { Address, Digest } from "#actors/domain/address.ts";
import { configOf, mended } from "#test/actors/storage/points/layout.ts";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { objectOf } from "#test/actors/storage/seeded-object.ts";
import { put, within } from "#test/actors/storage/storage-kit.ts";

const [directory = "", mode, layout] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const config = layout === "volumes" ? configOf("volumes", directory) : configOf("home", directory);
const kit = await startRealStorage(directory, { config: { ...config, packSealBytes: 1_048_576 } });
// Nobody starts it again here: whoever still waits is told why.
process.once("beforeExit", () => process.stderr.write(`${inspect(kit.exits, { depth: 4 })}\n`));
await until(async () => {
  const facts = await kit.ref.call("describe", {}, within);
  return facts.ok && facts.value.rebuilding === undefined;
});
if (mode !== "recover") await work();
await kit.close();
say("done");
process.exit(0);

async function work(): Promise<void> {
  const stored = new Map<number, { readonly address: Address; readonly manifest: Digest }>();
  const putOne = async (seed: number): Promise<void> => {
    say(`putting ${seed}`);
    const done = await put(kit, objectOf(seed));
    if (!done.ok || done.value.address === undefined) return say(`failed ${seed}`);
    stored.set(seed, { address: done.value.address, manifest: done.value.manifest });
    say(`put ${seed} ${done.value.manifest}`);
  };
  const removeOne = async (seed: number): Promise<void> => {
    const held = stored.get(seed);
    if (held === undefined) return;
    say(`removing ${seed}`);
    const done = await kit.ref.call("removeObject", held, within);
    say(done.ok ? `removed ${seed}` : `failed ${seed}`);
  };
  const restoreOne = async (seed: number): Promise<void> => {
    const held = stored.get(seed);
    if (held === undefined) return;
    say(`putting ${seed}`);
    const done = await kit.ref.call("restoreObject", { address: held.address }, within);
    say(done.ok ? `put ${seed} ${done.value.manifest}` : `failed ${seed}`);
  };

  await Promise.all([0, 1, 2, 3].map(putOne));
  for (const seed of [4, 5, 6, 7, 8, 9]) await putOne(seed);
  for (const seed of [1, 3, 4, 8, 9]) await removeOne(seed);
  await restoreOne(3);
  await collect();
  for (const seed of [10, 11, 12]) await putOne(seed);
  await putOne(1);
  await Promise.all([removeOne(11), removeOne(5)]);
  await collect();
  if (layout === "volumes") decay(`${directory}/v3/packs`);
  await kit.ref.call("scrubNow", {}, within);
  await until(async () => {
    const facts = await kit.ref.call("describe", {}, within);
    return facts.ok && !facts.value.scrub.isRunning;
  });
  if (layout === "volumes") await mended(kit);
}

/** Every pack of the volume, here and there. */
function decay(packs: string): void {
  const garbage = new Uint8Array(16).fill(0xaa);
  for (const name of readdirSync(packs)) {
    const path = `${packs}/${name}`;
    const file = openSync(path, "r+");
    for (let at = 16_384; at + garbage.length < statSync(path).size; at += 100_000)
      writeSync(file, garbage, 0, garbage.length, at);
    closeSync(file);
  }
}

async function collect(): Promise<void> {
  const begun = await kit.ref.call("collectGarbage", { emptyTrash: true }, within);
  if (!begun.ok) return;
  await until(async () => {
    const facts = await kit.ref.call("describe", {}, within);
    return !facts.ok || (facts.value.collection.phase === "idle" && facts.value.collection.last !== begun.value.last);
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise<void>((resolve) => setImmediate(resolve));
}
