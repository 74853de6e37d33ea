/** A catalog with one sealed pack whose file is not there: what a start finds that has lost one, or has it again. */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { Catalog } from "#actors/storage/catalog/catalog.ts";
import { PackFiles } from "#actors/storage/packs/pack-files.ts";
import { encodePackFront, PACK_FRONT_BYTES } from "#actors/storage/packs/pack-format.ts";
import { Pause } from "#actors/storage/pause.ts";
import { settleLost, type TakeBackDeps } from "#actors/storage/recovery/lost-packs.ts";
import { must } from "#runtime/errors.ts";
import { realScheduler } from "#runtime/real/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { inlineCpu } from "#runtime/simulated/cpu.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { MiB } from "#runtime/units.ts";
import { firstPack } from "#test/actors/storage/left-behind.ts";
import { silentLog } from "#test/kit/actor.ts";

const RECORD_BYTES = 256;

export interface LonePack {
  readonly catalog: Catalog;
  readonly deps: TakeBackDeps & { readonly pause: Pause };
  /** Of its records, in the order of the catalog. */
  readonly digests: readonly Digest[];
  /** How many of them can be read, as far as the catalog knows. */
  heldCount(): number;
  /** Settles all packs of the catalog as lost. */
  lose(): Promise<void>;
  /** A file of its mark and size, with no record in it. */
  putBack(): Promise<void>;
}

export async function lonePack(recordCount: number, isOver: () => boolean = () => false): Promise<LonePack> {
  const packBytes = PACK_FRONT_BYTES + RECORD_BYTES * recordCount;
  const kv = must(await memoryKvStores().open("/catalog", { mapBytesMax: 64 * MiB }), "a store opens");
  const catalog = new Catalog(kv);
  const random = seededRandom(1);
  const mark = random.bytes(8);
  catalog.setPack({ pack: 1, mark, checkpoint: packBytes, epoch: 1, recordCount, sealed: true });
  const digests = Array.from({ length: recordCount }, () => digestFromBytes(random.bytes(32))).sort();
  for (const [at, digest] of digests.entries()) {
    const where = { pack: 1, position: PACK_FRONT_BYTES + RECORD_BYTES * at, payloadOffset: 128, payloadBytes: 100 };
    catalog.insert(digest, { kind: "chunk", ...where, sequence: 0, damage: "none" });
  }
  const disk = new MemoryDisk();
  must(await disk.makeDirectory("/data/packs"), "made");
  const deps = {
    catalog,
    cpu: inlineCpu({ disk }),
    files: new PackFiles(disk, "/data/packs", 4),
    isOver,
    log: silentLog,
    pause: new Pause(new ManualClock(), realScheduler),
  };
  return {
    catalog,
    deps,
    digests,
    heldCount: () => digests.filter((digest) => catalog.holds("chunk", digest)).length,
    lose: () =>
      settleLost(
        [...catalog.packs.values()].map((state) => ({ state, sizeBytes: undefined })),
        deps,
      ),
    putBack: async () => {
      const file = new Uint8Array(packBytes);
      file.set(encodePackFront(1, mark));
      must(await disk.replaceFile(firstPack, file), "put back");
    },
  };
}
