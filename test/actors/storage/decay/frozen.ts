/** A disk and its catalog as they were at one moment, to be taken up again as often as there are places to damage. */
import assert from "node:assert/strict";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB } from "#runtime/units.ts";
import { directory } from "#test/actors/storage/storage-kit.ts";

export interface Thawed {
  readonly disk: MemoryDisk;
  readonly kv: MemoryKvStores;
}

type Pair = { readonly key: Uint8Array; readonly value: Uint8Array };

const catalog = `${directory}/catalog`;
const mapBytesMax = 1 * GiB;

export class Frozen {
  readonly #directories: string[] = [];
  readonly #files = new Map<string, Uint8Array>();
  #pairs: readonly Pair[] = [];

  private constructor() {}

  /** Nobody uses the disk meanwhile. */
  static async of(disk: MemoryDisk, kv: MemoryKvStores): Promise<Frozen> {
    const frozen = new Frozen();
    await frozen.#keep(disk, "/");
    frozen.#pairs = await withCatalog({ disk, kv }, async (opened) => opened.range(LOWEST, HIGHEST, 1_000_000));
    return frozen;
  }

  /** A copy of its own. Without `catalog` the packs are all that is left. */
  async thaw(options: { readonly catalog: boolean }): Promise<Thawed> {
    const disk = new MemoryDisk({ capacityBytes: 4 * GiB });
    const thawed = { disk, kv: memoryKvStores({ disk }) };
    for (const path of this.#directories) assert((await disk.makeDirectory(path)).ok);
    for (const [path, bytes] of this.#files) assert((await disk.replaceFile(path, bytes)).ok);
    if (options.catalog) await withCatalog(thawed, (opened) => opened.batch(this.#pairs));
    else assert((await disk.removeTree(catalog)).ok);
    return thawed;
  }

  async #keep(disk: MemoryDisk, path: string): Promise<void> {
    this.#directories.push(path);
    const listed = await disk.list(path);
    assert(listed.ok);
    for (const { name, kind } of listed.value) {
      const child = path === "/" ? `/${name}` : `${path}/${name}`;
      if (kind === "directory") await this.#keep(disk, child);
      else {
        const read = await disk.readFile(child);
        assert(read.ok, "no file of the store is too long to be read at once");
        this.#files.set(child, read.value);
      }
    }
  }
}

const LOWEST = Uint8Array.of(0);
const HIGHEST = new Uint8Array(64).fill(0xff);

type Opened = Extract<Awaited<ReturnType<MemoryKvStores["open"]>>, { readonly ok: true }>["value"];

async function withCatalog<Value>({ kv }: Thawed, use: (opened: Opened) => Promise<Value>): Promise<Value> {
  const opened = await kv.open(catalog, { mapBytesMax });
  assert(opened.ok, JSON.stringify(opened));
  const value = await use(opened.value);
  await opened.value.close();
  return value;
}
