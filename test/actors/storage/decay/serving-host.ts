/**
 * A process that opens a store, reads every object of it, puts each again and ends: `serving-host.ts DIRECTORY MANIFEST…`,
 * the manifests of the served objects 0, 1, 2 and so on.
 *
 * Exit code 0: all of it is as it was. 70: storage gave its life up, as a cell then does, and the next one may do better.
 * Any other end by itself is a failure, and standard error says which.
 */
import type { Digest } from "#actors/domain/address.ts";
import { servedObject } from "#test/actors/storage/decay/served-object.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { put, REAL_MS, whole, within } from "#test/actors/storage/storage-kit.ts";

const GAVE_UP = 70;

const [directory = "", ...manifests] = process.argv.slice(2);
const kit = await startRealStorage(directory).catch((defect: unknown) => {
  process.stderr.write(`${String(defect)}\n`);
  return process.exit(GAVE_UP);
});
await whole(kit, REAL_MS);
for (const [seed, manifest] of manifests.entries()) {
  const bytes = servedObject(seed);
  const got = await readObject(kit.ref, manifest as Digest);
  if (!(got instanceof Uint8Array)) give(`object ${seed}: ${JSON.stringify(got)}`);
  else if (!bytes.equals(got)) fail(`object ${seed} has other bytes`);
  const again = await put(kit, bytes);
  if (!again.ok) give(`object ${seed}, put again: ${JSON.stringify(again)}`);
  else if (again.value.manifest !== manifest || !again.value.known) fail(`object ${seed} is not known`);
}
const listed = await kit.ref.call("listManifests", { after: undefined, limit: 1000 }, within);
if (!listed.ok) give(JSON.stringify(listed));
else if (listed.value.entries.length !== manifests.length) fail(`${listed.value.entries.length} objects are listed`);
await kit.close();
process.exit(0);

/** Where an answer failed, because the life has ended; else it is a failure of the store. */
function give(what: string): void {
  if (kit.exits.length > 0) process.exit(GAVE_UP);
  fail(what);
}

function fail(what: string): never {
  process.stderr.write(`${what}\n`);
  return process.exit(1);
}
