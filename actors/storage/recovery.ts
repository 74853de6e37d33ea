/**
 * What a start finds in the packs beyond the catalog's checkpoints, and what of it counts.
 *
 * A record is committed exactly if a committed manifest refers to it. A manifest is committed if it was synced (its epoch
 * is below the newest of its pack: a later sync of the pack had succeeded before something else was written), or if it
 * and all it refers to is there and verifies. Each pack is cut after its last committed record and synced **before**
 * anything found is entered in the catalog: what is visible after a crash of the process may not be on the disk yet.
 *
 * A catalog that is missing, or contradicts the packs, is rebuilt: sealed packs give their tables, the others are scanned.
 */
import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { DEPTH_MAX, decodeManifest, decodeNode, type Manifest } from "#actors/domain/manifest.ts";
import type { Catalog, CatalogEntry, PackState } from "#actors/storage/catalog.ts";
import type { PackFiles } from "#actors/storage/pack-files.ts";
import { decodeSealEntry, encodePackHeader, PACK_HEADER_BYTES, SEAL_ENTRY_BYTES } from "#actors/storage/pack-format.ts";
import { type FoundRecord, readMark, readSeal, scanRecords, verifyRecord } from "#actors/storage/pack-scan.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { align, digestOfRecord, recordEnd } from "#actors/storage/record.ts";
import { readSealTable } from "#actors/storage/sealer.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { must, ok, type Result } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export interface RecoveryDeps {
  readonly files: PackFiles;
  readonly catalog: Catalog;
  readonly cpu: Pick<Cpu, "digest" | "hasher">;
  readonly pause: Pause;
  /** Called as packs are done; `totalBytes` is the size of all packs. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** True when the incarnation is over: recovery stops where it is. */
  readonly isOver: () => boolean;
}

export interface RecoveryReport {
  /** Packs that are not sealed: to be written further, or to be sealed where they are full. */
  readonly unsealed: readonly number[];
  /** Highest number of a pack. */
  readonly lastPack: number;
  /** Uncommitted bytes that were taken away. */
  readonly cutBytes: number;
  /** Bytes between records that are no record: damage. */
  readonly skippedBytes: number;
  /** Commits that the catalog did not know. */
  readonly recoveredCommitCount: number;
}

/** One pack whose end is not known yet. */
interface Tail {
  readonly pack: number;
  readonly mark: Uint8Array;
  readonly sizeBytes: number;
  readonly checkpoint: number;
  readonly recordCountBefore: number;
  readonly headerLost: boolean;
  readonly records: FoundRecord[];
  newestEpoch: number;
}

interface Decided {
  readonly manifest: Digest;
  readonly object: Digest;
  readonly sizeBytes: number;
  readonly record: FoundRecord;
  /** Records that the manifest refers to, found in tails. */
  readonly parts: ReadonlyMap<Digest, FoundRecord>;
}

/** True if some pack is shorter than the catalog says: the catalog cannot be of these packs. */
export async function contradicts(files: PackFiles, catalog: Catalog): Promise<Result<boolean, DiskFailure>> {
  const listed = await files.list();
  if (!listed.ok) return listed;
  const sizes = new Map(listed.value.map(({ pack, sizeBytes }) => [pack, sizeBytes]));
  for (const { pack, checkpoint } of catalog.packs.values()) {
    // A pack that was made and never committed to may be gone, or not even have its header.
    if (checkpoint > PACK_HEADER_BYTES && align(sizes.get(pack) ?? 0) < checkpoint) return ok(true);
  }
  return ok(false);
}

export class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #tails = new Map<number, Tail>();
  readonly #found = new Map<Digest, FoundRecord[]>();
  readonly #decided: Decided[] = [];
  /** Records of tails that a decided commit refers to. */
  readonly #live = new Map<Digest, FoundRecord>();
  #skippedBytes = 0;
  #cutBytes = 0;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  async run(): Promise<RecoveryReport> {
    const { files, catalog, onProgress, isOver } = this.#deps;
    const listed = must(await files.list(), "the packs can be listed");
    const totalBytes = listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let doneBytes = 0;
    onProgress(0, totalBytes);
    for (const { pack, sizeBytes } of listed) {
      if (isOver()) break;
      await this.#look(pack, sizeBytes);
      doneBytes += sizeBytes;
      onProgress(doneBytes, totalBytes);
    }
    for (const pack of [...catalog.packs.keys()]) {
      if (!listed.some((one) => one.pack === pack)) catalog.removePack(pack);
    }
    if (isOver()) return this.#report([], 0);

    await this.#decide();
    for (const tail of this.#tails.values()) await this.#cut(tail);
    must(await files.disk.syncDirectory(files.directory), "the names of the packs are durable");
    this.#enter();
    const lastPack = listed.at(-1)?.pack ?? 0;
    return this.#report([...catalog.packs.values()], lastPack);
  }

  #report(packs: readonly PackState[], lastPack: number): RecoveryReport {
    return {
      unsealed: packs.filter(({ sealed }) => !sealed).map(({ pack }) => pack),
      lastPack,
      cutBytes: this.#cutBytes,
      skippedBytes: this.#skippedBytes,
      recoveredCommitCount: this.#decided.length,
    };
  }

  async #look(pack: number, sizeBytes: number): Promise<void> {
    const { files, catalog } = this.#deps;
    const known = catalog.packs.get(pack);
    if (known?.sealed) return;
    const written = await readMark(files, pack);
    const mark = known?.mark ?? written ?? (await this.#firstMark(pack, sizeBytes));
    if (mark === undefined) {
      // Made just before a crash, with nothing in it that was ever synced.
      await files.forget(pack);
      must(await files.disk.remove(files.pathOf(pack)), "a pack without a record can be removed");
      return;
    }
    if (await this.#adoptSealed(pack, mark, sizeBytes)) return;
    await this.#scanTail(pack, mark, sizeBytes, known, written === undefined);
  }

  async #firstMark(pack: number, sizeBytes: number): Promise<Uint8Array | undefined> {
    for await (const found of scanRecords(this.#deps.files, pack, undefined, 0, sizeBytes)) return found.header.mark;
    return undefined;
  }

  /** Takes a sealed pack's own word for what it holds. False if it is not sealed, or its table is damaged. */
  async #adoptSealed(pack: number, mark: Uint8Array, sizeBytes: number): Promise<boolean> {
    const { files, catalog, cpu, pause } = this.#deps;
    const footer = await readSeal(files, pack, mark, sizeBytes);
    if (footer === undefined) return false;
    const hasher = cpu.hasher();
    for await (const bytes of readSealTable(files, pack, footer.tablePosition, footer.entryCount)) hasher.update(bytes);
    if (Buffer.compare(hasher.digest(), footer.tableDigest) !== 0) return false;

    for await (const bytes of readSealTable(files, pack, footer.tablePosition, footer.entryCount)) {
      for (let at = 0; at < bytes.length; at += SEAL_ENTRY_BYTES) {
        const { digest, object, objectBytes, ...where } = decodeSealEntry(bytes.subarray(at, at + SEAL_ENTRY_BYTES));
        const entry: CatalogEntry = { ...where, pack, damaged: false };
        if (!(await this.#supersedes(digest, entry))) continue;
        if (object === undefined) catalog.insert(digest, entry);
        else
          catalog.insertCommit({ sequence: entry.sequence, manifest: digest, object, sizeBytes: objectBytes }, entry);
        await pause.ifDue();
      }
      await catalog.room();
    }
    catalog.setPack({
      pack,
      mark,
      checkpoint: sizeBytes,
      epoch: 0,
      recordCount: footer.entryCount,
      sealed: true,
    });
    return true;
  }

  /** Of two records of one digest: the newer commit, and otherwise the one that is not damaged. */
  async #supersedes(digest: Digest, entry: CatalogEntry): Promise<boolean> {
    const other = this.#deps.catalog.find(digest);
    if (other === undefined || other.damaged) return true;
    if (entry.sequence > 0 || other.sequence > 0) return entry.sequence >= other.sequence;
    if (other.pack === entry.pack && other.position === entry.position) return false;
    return !(await this.#isIntact(digest, other));
  }

  async #isIntact(digest: Digest, { pack, position }: CatalogEntry): Promise<boolean> {
    const { files, cpu, pause } = this.#deps;
    for await (const found of scanRecords(files, pack, undefined, position, position + 2 ** 25)) {
      if (found.position !== position || digestOfRecord(found.header) !== digest) return false;
      return await verifyRecord(files, found, cpu, pause);
    }
    return false;
  }

  async #scanTail(
    pack: number,
    mark: Uint8Array,
    sizeBytes: number,
    known: PackState | undefined,
    headerLost: boolean,
  ): Promise<void> {
    const { files, pause } = this.#deps;
    const checkpoint = known?.checkpoint ?? PACK_HEADER_BYTES;
    const tail: Tail = {
      pack,
      mark,
      sizeBytes,
      checkpoint,
      recordCountBefore: known?.recordCount ?? 0,
      headerLost,
      records: [],
      // What the catalog says is already past was synced: nothing that is found can be older and certain.
      newestEpoch: known?.epoch ?? 0,
    };
    this.#tails.set(pack, tail);
    for await (const found of scanRecords(files, pack, mark, checkpoint, sizeBytes)) {
      this.#skippedBytes += found.skippedBytes;
      // Epochs only rise: an older one is what a cut that did not last had already taken away.
      if (found.header.epoch < tail.newestEpoch) continue;
      tail.newestEpoch = found.header.epoch;
      tail.records.push(found);
      const digest = digestOfRecord(found.header);
      const others = this.#found.get(digest);
      if (others === undefined) this.#found.set(digest, [found]);
      else others.push(found);
      await pause.ifDue();
    }
  }

  async #decide(): Promise<void> {
    const commits = [...this.#tails.values()].flatMap(({ records }) =>
      records.filter((one) => one.header.sequence > 0),
    );
    commits.sort((one, other) => one.header.sequence - other.header.sequence);
    for (const record of commits) {
      const decided = await this.#decideCommit(record);
      if (decided === undefined) continue;
      this.#decided.push(decided);
      this.#live.set(decided.manifest, record);
      for (const [digest, part] of decided.parts) this.#live.set(digest, part);
    }
  }

  async #decideCommit(record: FoundRecord): Promise<Decided | undefined> {
    const bytes = await this.#readVerified(record);
    const manifest = bytes === undefined ? undefined : decodeManifest(bytes);
    if (manifest?.ok !== true) return undefined;
    const parts = new Map<Digest, FoundRecord>();
    const whole = await this.#collect(manifest.value, parts, DEPTH_MAX);
    // One that was synced counts even where its chunks are damaged: reading says so, and putting it again heals it.
    if (!whole && !this.#isCertain(record)) return undefined;
    const digest = digestOfRecord(record.header);
    const { object = digest, size } = manifest.value;
    return { manifest: digest, object, sizeBytes: size, record, parts };
  }

  /** Finds everything below a node; false if something is missing or damaged. */
  async #collect(
    node: Pick<Manifest, "linkKind" | "links">,
    parts: Map<Digest, FoundRecord>,
    depth: number,
  ): Promise<boolean> {
    let whole = true;
    for (const { digest } of node.links) {
      const found = await this.#findPart(digest);
      if (found === "missing") whole = false;
      else if (found !== "known") parts.set(digest, found);
      if (node.linkKind === "chunk" || found === "missing") continue;
      const child = depth > 1 ? await this.#readNode(digest, found) : undefined;
      if (child === undefined || !(await this.#collect(child, parts, depth - 1))) whole = false;
    }
    return whole;
  }

  async #findPart(digest: Digest): Promise<FoundRecord | "known" | "missing"> {
    if (this.#deps.catalog.findIntact(digest) !== undefined) return "known";
    const live = this.#live.get(digest);
    if (live !== undefined) return live;
    const copies = this.#found.get(digest) ?? [];
    for (const copy of copies) {
      const isCertain = this.#isCertain(copy) && copies.length === 1;
      if (isCertain || (await verifyRecord(this.#deps.files, copy, this.#deps.cpu, this.#deps.pause))) return copy;
    }
    return "missing";
  }

  async #readNode(
    digest: Digest,
    found: FoundRecord | "known",
  ): Promise<Pick<Manifest, "linkKind" | "links"> | undefined> {
    const entry = found === "known" ? this.#deps.catalog.findIntact(digest) : entryOf(found);
    if (entry === undefined) return undefined;
    const read = await this.#deps.files.readExactly(
      entry.pack,
      entry.payloadBytes,
      entry.position + entry.payloadOffset,
    );
    if (!read.ok || digestFromBytes(this.#deps.cpu.digest(read.value)) !== digest) return undefined;
    const node = decodeNode(read.value);
    return node.ok ? node.value : undefined;
  }

  async #readVerified({ pack, position, header }: FoundRecord): Promise<Uint8Array | undefined> {
    const { files, cpu } = this.#deps;
    const read = await files.readExactly(pack, header.payloadBytes, position + header.payloadOffset);
    if (!read.ok || Buffer.compare(cpu.digest(read.value), header.digest) !== 0) return undefined;
    return read.value;
  }

  #isCertain({ pack, header }: FoundRecord): boolean {
    return header.epoch < (this.#tails.get(pack)?.newestEpoch ?? 0);
  }

  /** Cuts what is not committed and makes the rest durable. */
  async #cut(tail: Tail): Promise<void> {
    const { files, catalog } = this.#deps;
    let end = tail.checkpoint;
    let recordCount = tail.recordCountBefore;
    for (const record of tail.records) {
      if (this.#live.get(digestOfRecord(record.header)) === record) end = recordEnd(record.position, record.header);
    }
    for (const record of tail.records) if (record.position < end) recordCount += 1;

    const surplus = tail.sizeBytes > tail.checkpoint;
    if (surplus || tail.headerLost) {
      const path = files.pathOf(tail.pack);
      const descriptor = must(await files.disk.open(path, "write"), "a pack can be opened for recovery");
      if (tail.headerLost) {
        must(await files.disk.write(descriptor, [encodePackHeader(tail.pack, tail.mark)], 0), "a pack gets its header");
      }
      if (tail.sizeBytes > end) {
        this.#cutBytes += tail.sizeBytes - end;
        must(await files.disk.truncate(descriptor, end), "a torn tail can be cut");
      }
      must(await files.disk.sync(descriptor), "what recovery found is made durable");
      await files.disk.close(descriptor);
    }
    const { pack, mark, newestEpoch } = tail;
    catalog.setPack({ pack, mark, checkpoint: end, epoch: newestEpoch + 1, recordCount, sealed: false });
  }

  #enter(): void {
    const { catalog } = this.#deps;
    for (const { manifest, object, sizeBytes, record, parts } of this.#decided) {
      for (const [digest, part] of parts) {
        if (catalog.findIntact(digest) === undefined) catalog.insert(digest, entryOf(part));
      }
      const { sequence } = record.header;
      const known = catalog.find(manifest);
      if (known !== undefined && known.sequence > sequence) continue;
      catalog.insertCommit({ sequence, manifest, object, sizeBytes }, entryOf(record));
    }
  }
}

function entryOf({ pack, position, header }: FoundRecord): CatalogEntry {
  const { kind, payloadOffset, payloadBytes, sequence } = header;
  return { kind, pack, position, payloadOffset, payloadBytes, sequence, damaged: false };
}
