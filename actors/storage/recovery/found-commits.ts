/**
 * Which of the commits that were found behind the checkpoints count, in the order of their sequence.
 *
 * A manifest is committed if it was synced, or if it and all that it refers to is there and verifies. One that was synced
 * counts even where its chunks are damaged: reading says so, and putting the object again heals it.
 *
 * What cannot be read does not count, and is not damaged either: another start may be able to read it, and who cuts packs
 * has to know of it.
 *
 * The commits that were found are not always all there are: those that only a seal lists are in the catalog, and nobody
 * has looked at what they refer to. Then every record that holds is kept, whether or not one that was found refers to it.
 */
import type { Digest } from "#actors/domain/address.ts";
import { DEPTH_MAX, decodeManifest, decodeNode, type Manifest } from "#actors/domain/manifest.ts";
import type { CatalogEntry, Commit } from "#actors/storage/catalog/catalog-records.ts";
import { holderOf, suffice } from "#actors/storage/catalog/holders.ts";
import { keepNameOf } from "#actors/storage/keeps/keep-codec.ts";
import type { OnUnreadable } from "#actors/storage/packs/pack-scan.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { RecordCheck, RecordPlace } from "#actors/storage/packs/record-check.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { type EnteringDeps, enterLasting } from "#actors/storage/recovery/lasting-commit.ts";
import type { TailRecord } from "#actors/storage/recovery/pack-tail.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { must, type Result } from "#runtime/errors.ts";

/** Payloads of one manifest node that are verified at once: enough to keep the pool's threads and the disk busy. */
export const CHECKS_AT_ONCE_MAX = 8;

export interface FoundCommitsDeps extends EnteringDeps {
  readonly check: RecordCheck;
  readonly onUnreadable: OnUnreadable;
  readonly pause: Pause;
  readonly isOver: () => boolean;
}

interface Counted {
  readonly commit: Commit;
  readonly record: TailRecord;
  /** Found records that it refers to; one may be there twice. */
  readonly parts: readonly TailRecord[];
}

type Node = Pick<Manifest, "linkKind" | "links">;
type Part = TailRecord | "known" | "missing";

export class FoundCommits {
  readonly #deps: FoundCommitsDeps;
  readonly #commits: TailRecord[] = [];
  /** By kind and digest, and by who holds them. */
  readonly #copies = new Map<string, Map<string, TailRecord[]>>();
  readonly #counted: Counted[] = [];
  /** Kept though no commit that was found refers to them. */
  readonly #unclaimed: TailRecord[] = [];

  constructor(deps: FoundCommitsDeps) {
    this.#deps = deps;
  }

  /** Commits that count. */
  get count(): number {
    return this.#counted.length;
  }

  /** The highest that was found, also of a commit that does not count. */
  get lastSequence(): number {
    return this.#commits.reduce((last, { sequence }) => Math.max(last, sequence), 0);
  }

  /** A record of any kind. All of them are added before anything is decided. */
  add(record: TailRecord): void {
    const name = nameOf(record.kind, record.digest);
    const holder = holderOf(record);
    const holders = this.#copies.get(name) ?? new Map<string, TailRecord[]>();
    this.#copies.set(name, holders);
    const copies = holders.get(holder);
    if (copies === undefined) holders.set(holder, [record]);
    else copies.push(record);
    if (record.sequence > 0) this.#commits.push(record);
  }

  /** Marks the records of commits that count as live. Where the incarnation ends first, nothing that it says is of use. */
  async decide(): Promise<void> {
    this.#commits.sort((one, other) => one.sequence - other.sequence);
    for (const record of this.#commits) {
      if (this.#deps.isOver()) return;
      const counted = await this.#decideOne(record);
      if (counted === undefined) continue;
      this.#counted.push(counted);
      record.isLive = true;
      for (const part of counted.parts) part.isLive = true;
    }
  }

  /** After `decide`: marks as live also what none of those commits refers to, as far as it holds. */
  async keepUnclaimed(): Promise<void> {
    for (const holders of this.#copies.values()) {
      for (const copies of holders.values()) {
        if (this.#deps.isOver()) return;
        await this.#keepOne(copies);
        await this.#deps.pause.ifDue();
      }
    }
  }

  /** Of the copies of one holder. */
  async #keepOne(copies: readonly TailRecord[]): Promise<void> {
    const [first] = copies;
    if (first === undefined || copies.some(({ isLive, sequence }) => isLive || sequence > 0)) return;
    const { digest } = first;
    const known = this.#deps.catalog.beside(digest, first);
    // Nothing says that it is whole, however old it is: it may be what is left of a put that was cut off.
    const record =
      known?.damage === "none" ? await this.#choose(digest, known, copies) : await this.#firstThatHolds(digest, copies);
    if (record === undefined || record === "known" || record === "missing") return;
    record.isLive = true;
    this.#unclaimed.push(record);
  }

  /**
   * Puts what counts into the catalog. It must be durable by now, and no checkpoint may pass it before this settles: the
   * catalog may be written on the way, and what a crash cuts off then is found again.
   */
  async enter(): Promise<void> {
    const { catalog, onEntering } = this.#deps;
    if (!(await this.#enterParts(this.#unclaimed))) return;
    for (const { commit, record, parts } of this.#counted) {
      if (!(await this.#enterParts(parts))) return;
      if (enterLasting(commit, record, this.#deps)) continue;
      const known = catalog.find("manifest", commit.manifest);
      if (known?.damage === "none" && known.sequence > commit.sequence) continue;
      onEntering(commit, record.pack);
      catalog.insertCommit(commit, record);
    }
  }

  /** False when the incarnation ended before all of them were entered. */
  async #enterParts(parts: readonly TailRecord[]): Promise<boolean> {
    const { catalog, isOver, pause } = this.#deps;
    for (const part of parts) {
      if (isOver()) return false;
      if (catalog.beside(part.digest, part)?.damage !== "none") catalog.insert(part.digest, part);
      await pause.ifDue();
      must(await catalog.room(), "the catalog fits into memory while its store refuses it");
    }
    return true;
  }

  async #decideOne(record: TailRecord): Promise<Counted | undefined> {
    const { digest, isTransient, sequence } = record;
    const bytes = this.#read(await this.#deps.check.payload(digest, record), record);
    const manifest = bytes === undefined ? undefined : decodeManifest(bytes);
    if (manifest?.ok !== true) return undefined;
    const parts: TailRecord[] = [];
    const isWhole = await this.#collect(manifest.value, { record, parts }, DEPTH_MAX);
    const { object, size } = manifest.value;
    const commit = { sequence, manifest: digest, object, sizeBytes: size, isTransient };
    if (isWhole || record.isSettled || record.tail.isCertain(record)) return { commit, record, parts };
    // What it wants of what was given up for good is given up too.
    if (this.#deps.keeps.fateOf(keepNameOf(commit), commit) === "buried") record.isWanting = false;
    return undefined;
  }

  /** Finds everything below a node; false if something is missing or damaged. */
  async #collect(
    node: Node,
    commit: Pick<Counted, "record"> & { parts: TailRecord[] },
    depth: number,
  ): Promise<boolean> {
    const kind = node.linkKind === "chunk" ? "chunk" : "manifest";
    const digests = [...new Set(node.links.map(({ digest }) => digest))];
    const found = await this.#findAll(kind, digests);
    let isWhole = true;
    for (const [index, digest] of digests.entries()) {
      const part = found[index] ?? "missing";
      if (part === "missing") {
        isWhole = false;
        commit.record.isWanting ||= this.#isNowhere(kind, digest);
        continue;
      }
      if (part !== "known") commit.parts.push(part);
      if (kind === "chunk") continue;
      const child = depth > 1 ? await this.#readNode(digest, part) : undefined;
      if (child === undefined || !(await this.#collect(child, commit, depth - 1))) isWhole = false;
    }
    return isWhole;
  }

  /** Not even damaged: it may be in a pack that is away. */
  #isNowhere(kind: RecordKind, digest: Digest): boolean {
    if (this.#copies.has(nameOf(kind, digest))) return false;
    return this.#deps.catalog.records(kind, digest).every(({ damage }) => damage === "unreadable");
  }

  /** In the order of `digests`, at most `CHECKS_AT_ONCE_MAX` at a time. */
  async #findAll(kind: RecordKind, digests: readonly Digest[]): Promise<readonly Part[]> {
    const found: Part[] = [];
    const rest = digests.entries();
    const findNext = async (): Promise<void> => {
      for (const [index, digest] of rest) found[index] = await this.#find(kind, digest);
    };
    await Promise.all(Array.from({ length: Math.min(digests.length, CHECKS_AT_ONCE_MAX) }, findNext));
    return found;
  }

  async #find(kind: RecordKind, digest: Digest): Promise<Part> {
    if (this.#deps.isOver()) return "missing";
    const known = this.#deps.catalog.findIntact(kind, digest);
    const holders = this.#copies.get(nameOf(kind, digest)) ?? new Map<string, TailRecord[]>();
    const knownBy = known && holderOf(known);
    if (known !== undefined && knownBy !== undefined) {
      const chosen = await this.#choose(digest, known, holders.get(knownBy) ?? []);
      if (chosen !== "missing") return chosen;
    }
    for (const [holder, copies] of holders) {
      if (holder === knownBy || copies[0]?.shard !== undefined) continue;
      const found = await this.#findAmong(digest, copies);
      if (found !== undefined) return found;
    }
    return (await this.#areShardsThere(kind, digest, holders)) ? "known" : "missing";
  }

  /** Of the copies of one holder that the catalog knows nothing of. */
  async #findAmong(digest: Digest, copies: readonly TailRecord[]): Promise<TailRecord | undefined> {
    const live = copies.find(({ isLive }) => isLive);
    if (live !== undefined) return live;
    const [only] = copies;
    // One that is entered and not known was found damaged.
    if (copies.length === 1 && only?.tail.isCertain(only) && !only.isEntered) return only;
    return await this.#firstThatHolds(digest, copies);
  }

  /** Shards are nobody's part: where there are any, all that holds is kept. */
  async #areShardsThere(
    kind: RecordKind,
    digest: Digest,
    holders: ReadonlyMap<string, readonly TailRecord[]>,
  ): Promise<boolean> {
    const there: Pick<CatalogEntry, "pack" | "shard">[] = [...this.#deps.catalog.served(kind, digest)];
    for (const copies of holders.values()) {
      if (suffice(there)) return true;
      const held = copies[0]?.shard === undefined ? undefined : await this.#firstThatHolds(digest, copies);
      if (held !== undefined) there.push(held);
    }
    return suffice(there);
  }

  /**
   * The catalog's word is enough for a record that is the only one. Where there is another, the object may have been put
   * again because this one is damaged, and a catalog that was rebuilt since has forgotten it: then it is read.
   */
  async #choose(digest: Digest, known: CatalogEntry, copies: readonly TailRecord[]): Promise<Part> {
    const { catalog, check } = this.#deps;
    // Entered by a recovery that did not move the checkpoint: it is found again, and stays what it is known as.
    const entered = copies.filter(({ isEntered }) => isEntered);
    if (copies.length === entered.length) return "known";
    const holds = this.#read(await check.holds(digest, known), known);
    // A disk that failed says nothing of the record.
    if (this.#deps.isOver()) return "known";
    if (holds === true) {
      this.#copies.get(nameOf(known.kind, digest))?.set(holderOf(known), entered);
      return "known";
    }
    const others = copies.filter(({ isEntered }) => !isEntered);
    const copy = await this.#firstThatHolds(digest, others);
    if (copy === undefined && holds === undefined) return "known";
    catalog.markDamaged(digest, known, holds === undefined ? "unreadable" : "differs");
    return copy ?? "missing";
  }

  async #firstThatHolds(digest: Digest, copies: readonly TailRecord[]): Promise<TailRecord | undefined> {
    for (const copy of copies) {
      if (this.#read(await this.#deps.check.holds(digest, copy), copy) === true) return copy;
    }
    return undefined;
  }

  /** Undefined where it cannot be read. */
  #read<Value>(read: Result<Value, DiskFailure>, { pack, position }: RecordPlace): Value | undefined {
    if (!read.ok) this.#deps.onUnreadable(read.failure, pack, position);
    return read.ok ? read.value : undefined;
  }

  async #readNode(digest: Digest, part: TailRecord | "known"): Promise<Node | undefined> {
    const entry = part === "known" ? this.#deps.catalog.findIntact("manifest", digest) : part;
    const bytes = entry === undefined ? undefined : this.#read(await this.#deps.check.payload(digest, entry), entry);
    const node = bytes === undefined ? undefined : decodeNode(bytes);
    return node?.ok === true ? node.value : undefined;
  }
}

function nameOf(kind: RecordKind, digest: Digest): string {
  return `${kind} ${digest}`;
}
