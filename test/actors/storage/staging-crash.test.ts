/**
 * The power is cut at every operation of uploads in pieces, also while they are stored, and of what comes after.
 *
 * The client knows what it was answered, resumes where the node says, and at the end has its object. What was answered is
 * never taken back; what is stored is what was sent; nothing is left beside it.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UploadId } from "#actors/domain/upload.ts";
import type { Random } from "#runtime/random.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { KiB, MiB } from "#runtime/units.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import { append, begin, cancel, long, stagingDirectory, stat } from "#test/actors/storage/staging-kit.ts";
import { randomBytes, type StorageKit, startStorage, whole } from "#test/actors/storage/storage-kit.ts";

const seeds = Number(process.env["CEPA_CRASH_SEEDS"] ?? 80);

interface Client {
  readonly bytes: Uint8Array;
  upload: UploadId | undefined;
  /** The node has said so. */
  answeredBytes: number;
  manifest: string | undefined;
}

/** Sends until the object is stored, or the node dies; checks everything that it is told. */
async function send(kit: StorageKit, client: Client, random: Random): Promise<void> {
  const { bytes } = client;
  if (client.upload === undefined) {
    const begun = await begin(kit, { sizeBytes: random.below(2) === 0 ? bytes.length : undefined });
    assert(begun.ok, JSON.stringify(begun));
    client.upload = begun.value.upload;
  }
  const found = await stat(kit, client.upload);
  assert(found.ok, `an upload that was begun is there: ${JSON.stringify(found)}`);
  let { offsetBytes } = found.value;
  assert(offsetBytes >= client.answeredBytes, `at ${offsetBytes}, after ${client.answeredBytes} was answered`);
  while (offsetBytes < bytes.length || found.value.sizeBytes === undefined) {
    client.answeredBytes = offsetBytes;
    const end = Math.min(bytes.length, offsetBytes + 1 + random.below(900 * KiB));
    const sizeBytes = end === bytes.length ? bytes.length : undefined;
    const piece = bytes.subarray(offsetBytes, end);
    const appended = await append(kit, client.upload, offsetBytes, piece, {
      sizeBytes,
      isWhole: random.below(3) === 0,
    });
    assert(appended.ok, JSON.stringify(appended));
    ({ offsetBytes } = appended.value);
    if (appended.value.sizeBytes === offsetBytes) break;
  }
  client.answeredBytes = offsetBytes;
  const stored = await stat(kit, client.upload, long);
  assert(stored.ok && stored.value.stored !== undefined, JSON.stringify(stored));
  client.manifest = stored.value.stored.manifest;
}

async function runHistory(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const disk = new MemoryDisk();
  const kv = memoryKvStores();
  await disk.makeDirectory("/data");
  await disk.syncDirectory("/");
  const clients = [1, 2].map((nth): Client => {
    const sizes = [1, 70 * KiB, MiB, 1300 * KiB];
    const bytes = randomBytes(sizes[random.below(sizes.length)] ?? 0, seed * 10 + nth);
    return { bytes, upload: undefined, answeredBytes: 0, manifest: undefined };
  });
  let deaths = 0;
  for (let life = 0; life < 4; life += 1) {
    const mortality = mortal(disk, kv, 1 + random.below(60));
    const living = startStorage({ disk: mortality.disk, kv: mortality.kv }).then(async (kit) => {
      await whole(kit);
      for (const client of clients) await send(kit, client, random);
    });
    await Promise.race([mortality.dead, living]);
    if (mortality.isDead) deaths += 1;
    mortality.kill();
    disk.crash(random, { keepUnsynced: random.below(3) === 0 });
    kv.crash(random);
  }

  const last = mortal(disk, kv);
  const kit = await startStorage({ disk: last.disk, kv: last.kv });
  await whole(kit);
  for (const client of clients) {
    await send(kit, client, random);
    const got = await mustRead(kit.ref, client.manifest as never, "the object");
    assert.equal(Buffer.compare(got, client.bytes), 0);
    assert(client.upload !== undefined);
    assert((await cancel(kit, client.upload)).ok);
  }
  // An upload whose beginning was never answered may be there: empty, and forgotten for its age.
  const listed = await disk.list(stagingDirectory);
  assert(listed.ok && listed.value.every(({ kind, sizeBytes }) => kind !== "file" || sizeBytes === 0));
  last.kill();
  return deaths;
}

describe("storage: crashes under uploads in pieces", () => {
  it(`lose nothing that was answered, over ${seeds} histories (STO-15, STO-16)`, async () => {
    let deaths = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      try {
        deaths += await runHistory(seed);
      } catch (error) {
        throw new assert.AssertionError({ message: `seed ${seed}: ${String(error)}` });
      }
    }
    assert(deaths > seeds, `${deaths} deaths`);
  });
});
