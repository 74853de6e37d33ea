/**
 * One bit turns in the file of the catalog, or it is cut, at the borders of its pages: LMDB has no checksums, and some damage
 * ends the process. A few lives later everything is served, from the same catalog or a new one (STO-9).
 *
 * `CEPA_POINTS=all` takes every page, `=N` every Nth; otherwise some of each kind of place.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { servedObject } from "#test/actors/storage/decay/served-object.ts";
import { startRealStorage } from "#test/actors/storage/real-storage.ts";
import { put, REAL_MS, whole } from "#test/actors/storage/storage-kit.ts";
import { pointsOf } from "#test/kit/points.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";

const host = join(import.meta.dirname, "serving-host.ts");
const OBJECTS = 150;
const PAGE_BYTES = 4096;
/** From the front of a page: its number, flags, bounds, first entries; the fields of a header page; the middle and the end. */
const OFFSETS = [0, 10, 16, 18, 20, 22, 24, 26, 28, 40, 48, 88, 128, 136, 144, 152, 160, 2048, 4088, 4095];
const STEP = 29;
/** Four that the damage may end, and the one that has had enough of it (`kv-preflight.ts`). */
const LIVES_MAX = 5;

interface Served {
  readonly directory: string;
  readonly manifests: readonly string[];
  readonly file: Buffer;
}

describe("storage (real disk): damage to the file of the catalog", () => {
  it("costs nothing where a bit turns at the border of a page or in its front (STO-9)", async (context) => {
    const template = await filled(await tempDirectory(context));
    const pages = template.file.length / PAGE_BYTES;
    const all = OFFSETS.flatMap((offset) => Array.from({ length: pages }, (_, page) => page * PAGE_BYTES + offset));
    const points = pointsOf(all, STEP);
    const lives = [];
    for (const position of points) {
      const mask = 1 << ((position >> 3) % 8);
      lives.push(
        await livesUntilServed(template, `bit at ${position}`, async (path) => {
          const bytes = Buffer.from(template.file);
          bytes.writeUInt8(bytes.readUInt8(position) ^ mask, position);
          await writeFile(path, bytes);
        }),
      );
    }
    context.diagnostic(
      `${points.length} of ${all.length} places in ${pages} pages, at most ${Math.max(...lives)} lives`,
    );
  });

  it("costs nothing where the file is cut at a page (STO-9)", async (context) => {
    const template = await filled(await tempDirectory(context));
    const all = Array.from({ length: template.file.length / PAGE_BYTES }, (_, page) => [
      page * PAGE_BYTES,
      page * PAGE_BYTES + 100,
    ]);
    const points = pointsOf(all.flat(), STEP);
    const lives = [];
    for (const size of points) {
      lives.push(await livesUntilServed(template, `cut to ${size}`, (path) => truncate(path, size)));
    }
    context.diagnostic(`${points.length} of ${all.flat().length} places, at most ${Math.max(...lives)} lives`);
  });
});

async function filled(directory: string): Promise<Served> {
  const kit = await startRealStorage(directory);
  await whole(kit, REAL_MS);
  const manifests: string[] = [];
  for (let seed = 0; seed < OBJECTS; seed += 1) {
    const stored = await put(kit, servedObject(seed));
    assert(stored.ok, JSON.stringify(stored));
    manifests.push(stored.value.manifest);
  }
  await kit.close();
  return { directory, manifests, file: await readFile(join(directory, "catalog", "store.lmdb")) };
}

/** How many lives it took. */
async function livesUntilServed(
  { directory, manifests }: Served,
  where: string,
  damage: (path: string) => Promise<void>,
): Promise<number> {
  const copy = `${directory}-copy`;
  await cp(directory, copy, { recursive: true });
  try {
    await damage(join(copy, "catalog", "store.lmdb"));
    for (let life = 1; life <= LIVES_MAX; life += 1) {
      const child = spawn(process.execPath, [host, copy, ...manifests], { stdio: ["ignore", "ignore", "pipe"] });
      let said = "";
      child.stderr.on("data", (bytes: Buffer) => {
        said += bytes.toString();
      });
      await once(child, "close");
      if (child.exitCode === 0) return life;
      assert(child.exitCode === 70 || child.signalCode !== null, `${where}, life ${life}: ${said}`);
    }
    return assert.fail(`${where}: not served after ${LIVES_MAX} lives`);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
