/**
 * A history: some lives of storage on one disk, each with traffic that is cut off somewhere, and what must hold at the
 * beginning of each of them. All of it is a function of the seed.
 *
 * - `faults`: single operations of any kind fail, or many of one kind; processes are killed and power is cut, in the middle
 *   of traffic and of starts; catalogs are lost and seals damaged.
 * - `places`: beside that, the disk cannot read some place of a pack in some lives.
 * - `rot`: beside that of `faults`, bytes of packs turn between lives.
 */
import assert from "node:assert/strict";
import type { Digest } from "#actors/domain/address.ts";
import type { CollectionReport } from "#actors/domain/collection-facts.ts";
import type { Cursor, StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { packsOn, turnByte, turnSeals } from "#test/actors/storage/histories/decay.ts";
import { ALL_OPERATIONS, type Fault, FaultyDisk } from "#test/actors/storage/histories/faulty-disk.ts";
import { type Book, keepSome } from "#test/actors/storage/histories/keep-traffic.ts";
import { Node, passed, turn } from "#test/actors/storage/histories/node.ts";
import type { TestObject } from "#test/actors/storage/histories/objects.ts";
import { Story } from "#test/actors/storage/histories/story.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { sourceOf, within } from "#test/actors/storage/storage-kit.ts";

export type HistoryKind = "faults" | "places" | "rot";

/** What happened in it: a history in which nothing did shows nothing. */
export interface Tally {
  lives: number;
  acknowledged: number;
  /** Objects read back and compared. */
  verified: number;
  refusedPuts: number;
  failedOperations: number;
  failedStarts: number;
  cursors: number;
  catalogsLost: number;
  bytesTurned: number;
  setAside: number;
  /** Objects that could not be read, and then could. */
  lifted: number;
  removals: number;
  restored: number;
  collections: number;
  /** Packs that are gone. */
  packsGone: number;
}

export const EMPTY_TALLY: Readonly<Tally> = {
  lives: 0,
  acknowledged: 0,
  verified: 0,
  refusedPuts: 0,
  failedOperations: 0,
  failedStarts: 0,
  cursors: 0,
  catalogsLost: 0,
  bytesTurned: 0,
  setAside: 0,
  lifted: 0,
  removals: 0,
  restored: 0,
  collections: 0,
  packsGone: 0,
};

interface Reader {
  readonly cursor: Cursor;
  readonly seen: ReadonlySet<Digest>;
}

const READERS_MAX = 6;
/** Each brings at least one record more of an object back, of which one that is cut finely has some dozens. */
const LOOKS_MAX = 64;
const ERRNOS = ["EIO", "ENOSPC", "EMFILE", "ENOMEM"] as const;
const SINGLES = ["sync", "truncate", "open", "write", "syncDirectory"] as const;
const STRETCHES = [
  ["truncate", "sync"],
  ["open", "sync"],
  ["truncate", "write"],
  ["open", "truncate", "write"],
] as const;

export class History {
  readonly #kind: HistoryKind;
  /** Since the last start without trouble. */
  #isCatalogLost = false;
  readonly #objects: readonly TestObject[];
  readonly #story: Story;
  readonly #disk: MemoryDisk;
  readonly #kv: MemoryKvStores;
  readonly #tally: Tally = { ...EMPTY_TALLY };
  readonly #book: Book = {
    acknowledged: new Set(),
    uncertain: new Set(),
    removed: new Set(),
    restored: new Set(),
    mayBeDamaged: ({ parts }) => [...parts].some((digest) => this.#hit.has(digest)),
  };
  readonly #readers: Reader[] = [];
  /** Records of which bytes were turned. */
  readonly #hit = new Set<Digest>();
  /** Some record may be in quarantine: the disk could not read it, or it is damaged. */
  #isTainted = false;
  #lastCollection: CollectionReport | undefined;

  constructor(seed: number, kind: HistoryKind, objects: readonly TestObject[]) {
    this.#story = new Story(seed);
    this.#kind = kind;
    this.#objects = objects;
    this.#disk = new MemoryDisk({ capacityBytes: this.#story.chance(8) ? 8 * MiB : 1 * GiB });
    this.#kv = memoryKvStores(this.#story.chance(2) ? { disk: this.#disk } : {});
  }

  /** Rejects with what does not hold, and all that came before it. */
  async run(): Promise<Tally> {
    try {
      await this.#disk.makeDirectory("/data");
      await this.#disk.syncDirectory("/");
      const lifeCount = 3 + this.#story.random.below(5);
      for (let life = 0; life < lifeCount; life += 1) {
        this.#story.say(`life ${life}`);
        await this.#live();
        await this.#decay();
      }
      await this.#endWell();
    } catch (error) {
      const what = error instanceof Error ? error.stack : String(error);
      throw new Error(`${this.#kind} history ${this.#story.seed}: ${what}\n${this.#story.told}`, { cause: error });
    }
    return this.#tally;
  }

  async #live(): Promise<void> {
    const faulty = new FaultyDisk(this.#disk);
    if (this.#kind === "places" && this.#story.chance(3)) await this.#spoilPlace(faulty);
    for (let count = this.#story.random.below(3); count > 0; count -= 1) await this.#disturbedStart(faulty);
    const node = await this.#start(faulty);
    if (faulty.badPlace === undefined) await this.#check(node);
    else await this.#checkImpaired(node);
    await this.#traffic(node, faulty);
    if (this.#story.chance(6)) await node.crash();
    this.#end(node, this.#story.chance(3));
    this.#tally.failedOperations += faulty.failedCount;
  }

  /** A last life without any trouble takes what there is to put. */
  async #endWell(): Promise<void> {
    const node = await this.#start(new FaultyDisk(this.#disk));
    await this.#check(node);
    for (const object of [...this.#book.uncertain, ...this.#book.removed]) await this.#putAgain(node, object);
    node.life.kill();
  }

  async #spoilPlace(faulty: FaultyDisk): Promise<void> {
    const packs = await packsOn(this.#disk);
    const pack = packs[this.#story.random.below(Math.max(1, packs.length))];
    if (pack === undefined) return;
    const from = this.#story.random.below(Math.ceil(pack.bytes.length / (4 * KiB))) * 4 * KiB;
    const to = this.#story.chance(4) ? Number.POSITIVE_INFINITY : from + 4 * KiB;
    faulty.badPlace = { path: pack.path, from, to };
    this.#isTainted = true;
    this.#story.say(`bad place ${pack.path} ${from}..${to}`);
  }

  async #disturbedStart(faulty: FaultyDisk): Promise<void> {
    const dyingAt = this.#story.chance(2) ? 1 + this.#story.random.below(30) : Number.POSITIVE_INFINITY;
    const life = mortal(faulty.disk, this.#kv, dyingAt);
    if (this.#story.chance(2)) {
      faulty.arm({
        operations: ALL_OPERATIONS,
        from: 1 + this.#story.random.below(60),
        count: 1,
        errno: this.#story.one(ERRNOS),
      });
    }
    const node = await Node.start(life, this.#story.nextSeed());
    const how = node instanceof Node ? await node.settled() : "failed";
    if (how !== "whole") this.#tally.failedStarts += 1;
    faulty.arm(undefined);
    const wasKilled = this.#story.chance(2);
    this.#story.say(`disturbed start: ${how}, ${wasKilled ? "killed" : "power cut"}`);
    life.kill();
    this.#story.crash(this.#disk, this.#kv, wasKilled);
    if (this.#story.chance(6)) this.#loseCatalog();
  }

  async #start(faulty: FaultyDisk): Promise<Node> {
    this.#tally.lives += 1;
    const wasCatalogLost = this.#isCatalogLost;
    this.#isCatalogLost = false;
    const node = await Node.start(mortal(faulty.disk, this.#kv), this.#story.nextSeed());
    assert(node instanceof Node, `a start without trouble succeeds: ${String(node)}`);
    assert.equal(await node.settled(), "whole", JSON.stringify(node.kit.exits));
    const setAside = node.setAsideCount;
    if (setAside > 0) this.#story.say(`${setAside} set aside`);
    this.#tally.setAside += setAside;
    // Without a catalog nobody knows whether what a torn commit wants is away (STO-133).
    assert(setAside === 0 || this.#kind !== "faults" || wasCatalogLost, "no pack is set aside without a reason");
    return node;
  }

  async #check(node: Node): Promise<void> {
    const { manifests, nameless, total } = await node.list(undefined);
    const listed = new Set(manifests);
    assert.equal(listed.size, manifests.length, "each commit is listed once");
    assert(total >= listed.size, "the total is what is listed, and what is removed and still has a commit");
    if (this.#tally.removals === 0) assert.equal(total, listed.size, "the total is what is listed");
    for (const { manifest, number } of this.#book.removed) {
      assert(!listed.has(manifest), `object ${number} is removed, and listed`);
      const got = await readObject(node.kit.ref, manifest);
      assert(!(got instanceof Uint8Array), `object ${number} is removed, and readable`);
    }
    for (const object of this.#book.acknowledged) {
      await this.#mustHold(node, object, listed);
      assert.equal(nameless.has(object.manifest), object.enc !== undefined, "only ciphertext has no address");
    }
    for (const { number, manifest, bytes } of this.#book.uncertain) {
      if (!listed.has(manifest)) continue;
      const got = await readObject(node.kit.ref, manifest);
      if (got instanceof Uint8Array) assert(isSame(got, bytes), `object ${number} has wrong bytes`);
      else assert(this.#isTainted, `object ${number} is listed and not whole: ${JSON.stringify(got)}`);
    }
    for (const { cursor, seen } of this.#readers) {
      const rest = new Set((await node.list(cursor)).manifests);
      for (const manifest of listed) {
        const isTold = seen.has(manifest) || rest.has(manifest) || this.#book.restored.has(manifest);
        assert(isTold, `${manifest} is behind the cursor ${cursor}`);
      }
      this.#tally.cursors += 1;
    }
  }

  /** What could not be read in a life before is looked at again when it is asked for, and then served. */
  async #mustHold(node: Node, { number, manifest, bytes }: TestObject, listed: ReadonlySet<Digest>): Promise<void> {
    assert(listed.has(manifest), `object ${number} is listed`);
    let got = await readObject(node.kit.ref, manifest);
    for (let look = 0; look < LOOKS_MAX && this.#isTainted && !(got instanceof Uint8Array); look += 1) {
      await passed(20);
      got = await readObject(node.kit.ref, manifest);
      if (got instanceof Uint8Array) this.#tally.lifted += 1;
    }
    if (!(got instanceof Uint8Array)) assert.fail(`object ${number} is whole: ${JSON.stringify(got)}`);
    assert(isSame(got, bytes), `object ${number} has wrong bytes`);
    this.#tally.verified += 1;
  }

  /** With a place that cannot be read, what is read is right. */
  async #checkImpaired(node: Node): Promise<void> {
    for (const { number, manifest, bytes } of [...this.#book.acknowledged, ...this.#book.uncertain]) {
      const got = await readObject(node.kit.ref, manifest);
      if (got instanceof Uint8Array) assert(isSame(got, bytes), `object ${number} has wrong bytes`);
    }
  }

  /** Damage may come to light with the read, and then one put more is needed. */
  async #putAgain(node: Node, { number, manifest, bytes, chunker, enc }: TestObject): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const stored = await node.kit.ref.call("putObject", { source: sourceOf(bytes), chunker, enc }, within);
      if (!stored.ok && stored.failure.code === "storage.full" && this.#disk.capacityBytes < 9 * MiB) return;
      assert(stored.ok, `object ${number} put again: ${JSON.stringify(stored)}`);
      const got = await readObject(node.kit.ref, manifest);
      if (got instanceof Uint8Array) return assert(isSame(got, bytes), `object ${number} has wrong bytes`);
      assert(this.#isTainted && attempt < 5, `object ${number} put again: ${JSON.stringify(got)}`);
    }
  }

  async #traffic(node: Node, faulty: FaultyDisk): Promise<void> {
    const rounds = 1 + this.#story.random.below(6);
    const lastRound = this.#story.chance(2) ? 1 + this.#story.random.below(rounds) : Number.POSITIVE_INFINITY;
    for (let round = 1; round <= rounds; round += 1) {
      faulty.arm(this.#nextFault());
      let isCutOff = false;
      const working = this.#putSome(node, () => isCutOff);
      if (round === lastRound) {
        const turns = this.#story.random.below(120);
        await Promise.race([working, passed(turns)]);
        isCutOff = true;
        return;
      }
      await this.#finish(node, working);
      const { collection } = (await node.facts()) ?? {};
      if (this.#lastCollection !== collection?.last) this.#tally.packsGone += collection?.last?.packsCompacted ?? 0;
      this.#lastCollection = collection?.last;
      faulty.arm(undefined);
      if (this.#story.chance(2)) await node.kit.clock.advance(1000);
      assert.deepEqual(node.kit.exits, [], "storage outlives what goes on beside the puts");
      if (this.#story.chance(2)) await this.#readOn(node);
      await passed(this.#story.random.below(40));
    }
  }

  #nextFault(): Fault | undefined {
    const choice = this.#story.random.below(5);
    if (choice === 0) {
      return {
        operations: ALL_OPERATIONS,
        from: 1 + this.#story.random.below(40),
        count: 1,
        errno: this.#story.one(ERRNOS),
      };
    }
    const from = 1 + this.#story.random.below(20);
    if (choice === 1) return { operations: new Set([this.#story.one(SINGLES)]), from, count: 1, errno: "EIO" };
    if (choice > 2 || this.#story.chance(2)) return undefined;
    return {
      operations: new Set(this.#story.one(STRETCHES)),
      from,
      count: 5 + this.#story.random.below(60),
      errno: "EIO",
    };
  }

  /** Some at once. What is answered after the life was cut off was never heard. */
  async #putSome(node: Node, isCutOff: () => boolean): Promise<void> {
    const picked = Array.from({ length: 1 + this.#story.random.below(5) }, () => this.#story.one(this.#objects));
    const others = this.#story.chance(2)
      ? this.#objects.filter((object) => !picked.includes(object) && this.#story.chance(3))
      : [];
    const keeping = keepSome(node, others, this.#book, this.#story.random, this.#tally, isCutOff);
    const puts = picked.map(async (object) => {
      const { number, bytes, chunker, enc } = object;
      if (!this.#book.acknowledged.has(object)) this.#book.uncertain.add(object);
      this.#book.removed.delete(object);
      const failAt = this.#story.chance(10) ? this.#story.random.below(bytes.length + 1) : Number.POSITIVE_INFINITY;
      const size = this.#story.chance(3) ? {} : { sizeBytes: bytes.length };
      const source = sourceOf(bytes, 48 * KiB, failAt);
      const stored = await node.kit.ref.call("putObject", { source, chunker, enc, ...size }, within);
      if (isCutOff()) return;
      this.#story.say(`put ${number}: ${stored.ok ? "stored" : JSON.stringify(stored.failure)}`);
      if (stored.ok) this.#acknowledge(object, stored.value);
      else this.#tally.refusedPuts += 1;
    });
    await Promise.all(puts);
    for (const what of await keeping) this.#story.say(what);
  }

  #acknowledge(object: TestObject, { manifest }: StoredObject): void {
    assert.equal(manifest, object.manifest);
    this.#tally.acknowledged += 1;
    // What decays before anybody reads it passes for known, and is not written again.
    if (this.#book.mayBeDamaged(object)) return;
    this.#book.acknowledged.add(object);
    this.#book.uncertain.delete(object);
  }

  async #finish(node: Node, working: Promise<void>): Promise<void> {
    let isDone = false;
    void working.finally(() => {
      isDone = true;
    });
    for (let count = 0; !isDone; count += 1) {
      await turn();
      if (count % 50 === 49) await node.kit.clock.advance(5);
      assert(count < 60_000, `puts are answered: ${JSON.stringify(node.kit.exits)}`);
    }
    await working;
    assert.deepEqual(node.kit.exits, [], "storage outlives what its disk refuses");
  }

  /** A reader goes on where an earlier one was, or begins. */
  async #readOn(node: Node): Promise<void> {
    const before = this.#story.chance(2) ? this.#readers[this.#story.random.below(READERS_MAX)] : undefined;
    const { manifests, next } = await node.list(before?.cursor);
    this.#readers.push({ cursor: next, seen: new Set([...(before?.seen ?? []), ...manifests]) });
    if (this.#readers.length > READERS_MAX) this.#readers.splice(this.#story.random.below(READERS_MAX), 1);
  }

  #end(node: Node, wasKilled: boolean): void {
    node.life.kill();
    this.#story.crash(this.#disk, this.#kv, wasKilled);
    this.#story.say(wasKilled ? "killed" : "power cut");
  }

  async #decay(): Promise<void> {
    if (this.#story.chance(3)) {
      this.#loseCatalog();
      if (this.#story.chance(2)) {
        const seals = await turnSeals(this.#disk, this.#story.random);
        this.#tally.bytesTurned += seals.length;
        this.#story.say(`seals turned: ${seals.join(" ")}`);
      }
    }
    if (this.#kind === "rot" && this.#story.chance(2)) await this.#rot();
  }

  async #rot(): Promise<void> {
    const turned = await turnByte(this.#disk, this.#story.random);
    if (turned === undefined) return;
    this.#tally.bytesTurned += 1;
    this.#story.say(`byte turned: ${turned.place}`);
    for (const digest of turned.hit) this.#hit.add(digest);
    if (turned.hit.size > 0) this.#isTainted = true;
    for (const object of [...this.#book.acknowledged]) {
      if (!this.#book.mayBeDamaged(object)) continue;
      this.#book.acknowledged.delete(object);
      this.#book.uncertain.add(object);
      this.#story.say(`object ${object.number} may be damaged`);
    }
  }

  #loseCatalog(): void {
    this.#isCatalogLost = true;
    this.#kv.remove("/data/catalog");
    this.#tally.catalogsLost += 1;
    this.#story.say("catalog lost");
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
