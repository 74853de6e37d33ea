/**
 * A history of a store over volumes: lives that are cut off, volumes that are pulled, yanked, put back, replaced, hang and decay,
 * while objects are put, removed, restored and collected, and repair and scrub go on. All of it is a function of the seed.
 *
 * What is done to volumes stays within what the store promises: between two times at which everything was whole, no more of
 * them are hurt or away than there are parity shards, and none is hurt while something was stored with less. Within that
 * - nothing but the right bytes is ever read;
 * - what was stored while all was whole is readable all the time;
 * - all that was acknowledged is readable as soon as nothing is away;
 * - repair and scrub then make everything whole again, after which any of the volumes may go, as many as may be lost.
 *
 * Where some are left out, there are lives too that name fewer of them, or none, and are cut off: whatever they store, and never
 * hear of, nothing that was acknowledged is lost by it.
 */
import assert from "node:assert/strict";
import type { VolumesFacts } from "#actors/domain/volumes-facts.ts";
import type { VolumeSettings } from "#actors/storage/open-store.ts";
import { VOLUME_LOOK_INTERVAL_MS } from "#actors/storage/volumes/volumes.ts";
import type { Failure } from "#runtime/errors.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, minute } from "#runtime/units.ts";
import { type Book, keepSome } from "#test/actors/storage/histories/keep-traffic.ts";
import { Node, passed, turn } from "#test/actors/storage/histories/node.ts";
import type { TestObject } from "#test/actors/storage/histories/objects.ts";
import { Story } from "#test/actors/storage/histories/story.ts";
import { mortal } from "#test/actors/storage/mortal.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { sourceOf, within } from "#test/actors/storage/storage-kit.ts";
import { YankedDisk } from "#test/actors/storage/volumes/yanked-disk.ts";

/** What happened in it. */
export interface VolumeTally {
  lives: number;
  acknowledged: number;
  verified: number;
  refusedPuts: number;
  pulled: number;
  yanked: number;
  hung: number;
  decayed: number;
  replaced: number;
  /** Lives that named fewer of them. */
  lesser: number;
  catalogsLost: number;
  /** Times at which everything was whole. */
  wholes: number;
  removals: number;
  restored: number;
  collections: number;
}

export const EMPTY_VOLUME_TALLY: Readonly<VolumeTally> = {
  lives: 0,
  acknowledged: 0,
  verified: 0,
  refusedPuts: 0,
  pulled: 0,
  yanked: 0,
  hung: 0,
  decayed: 0,
  replaced: 0,
  lesser: 0,
  catalogsLost: 0,
  wholes: 0,
  removals: 0,
  restored: 0,
  collections: 0,
};

interface Layout {
  readonly count: number;
  readonly erasure: VolumeSettings["erasure"];
  readonly parity: number;
}

const LAYOUTS: readonly Layout[] = [
  { count: 6, erasure: { dataShards: 4, parityShards: 2 }, parity: 2 },
  { count: 3, erasure: { dataShards: 2, parityShards: 1 }, parity: 1 },
  { count: 2, erasure: "auto", parity: 1 },
  { count: 4, erasure: "auto", parity: 2 },
  { count: 5, erasure: { dataShards: 2, parityShards: 1 }, parity: 1 },
];
/** What `storage.repairDelayMs` is here. */
const REPAIR_DELAY_MS: number = 15 * minute;
/** Between two turns of many, ms: the time that volumes are waited for is long, where one hangs. */
const STEP_MS = 5;
const HUNG_STEP_MS = 500;
/** Turns in which repair, a scrub or a batch of puts ends. */
const TURNS_MAX = 20_000;

export class VolumeHistory {
  readonly #objects: readonly TestObject[];
  readonly #story: Story;
  readonly #layout: Layout;
  readonly #leavesOut: boolean;
  readonly #disk = new MemoryDisk({ capacityBytes: 4 * GiB });
  readonly #kv: MemoryKvStores;
  readonly #tally: VolumeTally = { ...EMPTY_VOLUME_TALLY };
  readonly #book: Book = {
    acknowledged: new Set(),
    uncertain: new Set(),
    removed: new Set(),
    restored: new Set(),
    mayBeDamaged: () => false,
  };
  /** Acknowledged while everything was whole. */
  readonly #strict = new Set<TestObject>();
  #directories: string[];
  /** Volumes that are not where they belong. */
  readonly #away = new Set<string>();
  /** Volumes of which something may be gone for good, since everything was whole. */
  readonly #hurt = new Set<string>();
  /** Objects may have been stored with less than the layout says since then. */
  #isExposed = false;

  constructor(seed: number, objects: readonly TestObject[], { leavesOut }: { readonly leavesOut: boolean }) {
    this.#leavesOut = leavesOut;
    this.#story = new Story(seed);
    this.#objects = objects;
    this.#layout = this.#story.one(LAYOUTS);
    this.#directories = Array.from({ length: this.#layout.count }, (_, at) => `/v${at + 1}`);
    this.#kv = memoryKvStores(this.#story.chance(2) ? { disk: this.#disk } : {});
  }

  /** Rejects with what does not hold, and all that came before it. */
  async run(): Promise<VolumeTally> {
    try {
      for (const directory of ["/data", "/pulled", "/gone"]) await this.#disk.makeDirectory(directory);
      await this.#disk.syncDirectory("/");
      const lifeCount = 2 + this.#story.random.below(4);
      for (let life = 0; life < lifeCount; life += 1) {
        this.#story.say(`life ${life}`);
        await this.#live();
        const isWell = this.#away.size === 0 && this.#hurt.size === 0;
        if (this.#leavesOut && isWell && this.#story.chance(2)) await this.#liveWithFewer();
      }
      await this.#endWell();
    } catch (error) {
      const what = error instanceof Error ? error.stack : String(error);
      const { count, erasure } = this.#layout;
      throw new Error(
        `history ${this.#story.seed}, ${count} volumes, ${JSON.stringify(erasure)}: ${what}\n${this.#story.told}`,
        {
          cause: error,
        },
      );
    }
    return this.#tally;
  }

  async #live(): Promise<void> {
    const yanked = new YankedDisk(this.#disk);
    if (this.#story.chance(3)) await this.#disturbedStart(yanked);
    const node = await this.#start(yanked);
    await this.#check(node, yanked);
    for (let round = this.#story.random.below(6); round >= 0; round -= 1) {
      await this.#changeVolumes(node, yanked);
      if (round > 0 || this.#story.chance(2)) await this.#traffic(node, yanked);
      else await this.#cutOffTraffic(node);
      if (node.life.isDead) break;
      await this.#timePasses(node);
      await this.#check(node, yanked);
      if (this.#story.chance(3)) await this.#becomeWhole(node, yanked);
    }
    this.#end(node);
    // What hung then is never done.
    for (const volume of [...yanked.dead, ...yanked.hung]) this.#away.delete(volume);
    await this.#betweenLives();
  }

  /** As after a mistake in the configuration. */
  async #liveWithFewer(): Promise<void> {
    const directories = this.#shuffled().slice(0, this.#story.random.below(this.#directories.length));
    this.#story.say(`only ${directories.join(", ")}`);
    this.#tally.lesser += 1;
    this.#isExposed = true;
    const yanked = new YankedDisk(this.#disk);
    const node = await this.#start(yanked, { ...this.#settings(), directories });
    for (const object of this.#book.acknowledged) await this.#read(node, yanked, object);
    if (this.#story.chance(2)) await this.#traffic(node, yanked);
    if (this.#story.chance(2)) await this.#look(node);
    await this.#cutOffTraffic(node);
    this.#end(node);
  }

  async #endWell(): Promise<void> {
    const yanked = new YankedDisk(this.#disk);
    for (const volume of [...this.#away]) await this.#putBack(volume, yanked);
    const node = await this.#start(yanked);
    await this.#becomeWhole(node, yanked);
    for (const object of this.#book.uncertain) await this.#mustPut(node, object);
    await this.#becomeWhole(node, yanked);
    const going = this.#shuffled().slice(0, this.#layout.parity);
    for (const volume of going) await this.#pull(volume);
    await this.#look(node);
    await this.#check(node, yanked);
    node.life.kill();
  }

  async #disturbedStart(yanked: YankedDisk): Promise<void> {
    const life = mortal(yanked.disk, this.#kv, 1 + this.#story.random.below(60));
    const node = await Node.start(life, this.#story.nextSeed(), this.#settings());
    const how = node instanceof Node ? await node.settled() : "failed";
    life.kill();
    this.#story.crash(this.#disk, this.#kv, this.#story.chance(2));
    this.#story.say(`disturbed start: ${how}`);
  }

  async #start(yanked: YankedDisk, settings: VolumeSettings = this.#settings()): Promise<Node> {
    this.#tally.lives += 1;
    const node = await Node.start(mortal(yanked.disk, this.#kv), this.#story.nextSeed(), settings);
    assert(node instanceof Node, `a start succeeds: ${String(node)}`);
    assert.equal(await node.settled(), "whole", JSON.stringify(node.kit.exits));
    return node;
  }

  async #check(node: Node, yanked: YankedDisk): Promise<void> {
    assert.deepEqual(node.kit.exits, [], "storage outlives what its volumes do");
    for (const { manifest, number } of this.#book.removed) {
      const got = await this.#within(readObject(node.kit.ref, manifest), node, yanked);
      assert(!(got instanceof Uint8Array), `object ${number} is removed, and readable`);
    }
    for (const object of this.#book.acknowledged) {
      let got = await this.#read(node, yanked, object);
      // A volume that is back may not have been seen yet.
      if (!(got instanceof Uint8Array) && got.code === "storage.read-failed") {
        await this.#look(node);
        got = await this.#read(node, yanked, object);
      }
      const mayMiss = this.#away.size > 0 && !this.#strict.has(object);
      if (got instanceof Uint8Array) this.#tally.verified += 1;
      else assert(mayMiss, `object ${object.number} is readable: ${JSON.stringify(got)} ${await this.#state(node)}`);
    }
    for (const object of this.#book.uncertain) await this.#read(node, yanked, object);
  }

  /** Never with other bytes. */
  async #read(node: Node, yanked: YankedDisk, { number, manifest, bytes }: TestObject): Promise<Uint8Array | Failure> {
    const got = await this.#within(readObject(node.kit.ref, manifest), node, yanked);
    if (got instanceof Uint8Array) assert(Buffer.compare(got, bytes) === 0, `object ${number} has wrong bytes`);
    return got;
  }

  /** One thing that happens to volumes, within what the store promises to outlive. */
  async #changeVolumes(node: Node, yanked: YankedDisk): Promise<void> {
    const choice = this.#story.random.below(7);
    const volume = this.#story.one(this.#directories);
    const isThere = !this.#away.has(volume);
    const lost = new Set([...this.#away, ...this.#hurt, volume]).size;
    const mayGo = isThere && lost <= this.#layout.parity;
    if (choice <= 2 && mayGo && !(this.#isExposed && this.#hurt.size > 0)) {
      if (choice === 0) await this.#pull(volume);
      else if (choice === 1) this.#yank(volume, yanked);
      else this.#hang(volume, yanked);
    } else if (choice === 3 && mayGo && !this.#isExposed) {
      await this.#decay(volume);
    } else if (choice <= 5) {
      for (const one of [...this.#away]) await this.#putBack(one, yanked);
    }
    if (this.#story.chance(2)) await this.#look(node);
  }

  async #pull(volume: string): Promise<void> {
    this.#story.say(`pulled ${volume}`);
    this.#tally.pulled += 1;
    this.#away.add(volume);
    assert((await this.#disk.rename(volume, `/pulled${volume}`)).ok);
    await this.#disk.syncDirectory("/");
    await this.#disk.syncDirectory("/pulled");
  }

  /** Its cable: the disk is as it was when it is plugged in again. */
  #yank(volume: string, yanked: YankedDisk): void {
    this.#story.say(`yanked ${volume}`);
    this.#tally.yanked += 1;
    this.#away.add(volume);
    yanked.dead.add(volume);
  }

  /** As a disk that answers nothing, and then all that it was asked. */
  #hang(volume: string, yanked: YankedDisk): void {
    this.#story.say(`hung ${volume}`);
    this.#tally.hung += 1;
    this.#away.add(volume);
    yanked.hang(volume);
  }

  async #putBack(volume: string, yanked: YankedDisk): Promise<void> {
    this.#story.say(`put back ${volume}`);
    this.#away.delete(volume);
    if (yanked.dead.delete(volume) || yanked.thaw(volume)) return;
    assert((await this.#disk.rename(`/pulled${volume}`, volume)).ok);
    await this.#disk.syncDirectory("/");
    await this.#disk.syncDirectory("/pulled");
  }

  async #decay(volume: string): Promise<void> {
    const listed = await this.#disk.list(`${volume}/packs`);
    const packs = listed.ok ? listed.value.filter(({ sizeBytes }) => sizeBytes > 0) : [];
    for (let count = packs.length === 0 ? 0 : 1 + this.#story.random.below(3); count > 0; count -= 1) {
      const { name, sizeBytes } = this.#story.one(packs);
      const position = this.#story.random.below(sizeBytes);
      this.#disk.flipByte(`${volume}/packs/${name}`, position);
      this.#hurt.add(volume);
      this.#tally.decayed += 1;
      this.#story.say(`byte turned: ${volume}/packs/${name}@${position}`);
    }
  }

  async #timePasses(node: Node): Promise<void> {
    const choice = this.#story.random.below(6);
    if (choice === 0) await node.kit.clock.advance(REPAIR_DELAY_MS);
    if (choice === 1) await node.kit.ref.call("repair", { action: "now" }, within);
    if (choice === 2) await node.kit.ref.call("scrubNow", {}, within);
    if (choice <= 3) await this.#look(node);
    await passed(this.#story.random.below(200));
  }

  /** Everything is where it belongs, and all that repair and scrub can do is done. */
  async #becomeWhole(node: Node, yanked: YankedDisk): Promise<void> {
    for (const volume of [...this.#away]) await this.#putBack(volume, yanked);
    for (let count = 0; count < 3; count += 1) await this.#look(node);
    await this.#repaired(node);
    await this.#scrubbed(node);
    const { repair, volumes, profile } = await this.#repaired(node);
    const here = volumes.filter(({ state }) => state !== "left-out");
    assert(
      here.every(({ state }) => state === "present"),
      `all volumes are there: ${JSON.stringify(here)}`,
    );
    assert.deepEqual([repair.state, repair.backlogCount, repair.lostCount], ["idle", 0, 0], profile);
    this.#tally.wholes += 1;
    this.#hurt.clear();
    this.#isExposed = false;
    this.#story.say("whole");
    await this.#check(node, yanked);
    for (const object of this.#book.acknowledged) this.#strict.add(object);
    for (const { state, id } of volumes) {
      if (state !== "left-out") continue;
      const forgotten = await node.kit.ref.call("forgetVolume", { volume: id, mayLose: false }, within);
      this.#story.say(`forget ${id}: ${JSON.stringify(forgotten.ok ? "forgotten" : forgotten.failure)}`);
      if (forgotten.ok) continue;
      // With the catalog that knew what was on it, what it is needed for is lost too.
      const isUnknown = forgotten.failure.code === "storage.volume-needed" && !forgotten.failure.isKnown;
      assert(isUnknown, `what is left out is not needed: ${JSON.stringify(forgotten)}`);
      assert((await node.kit.ref.call("forgetVolume", { volume: id, mayLose: true }, within)).ok);
    }
  }

  async #repaired(node: Node): Promise<VolumesFacts> {
    for (let count = 0; count < TURNS_MAX; count += 1) {
      const described = await node.kit.ref.call("describeVolumes", {}, within);
      assert(described.ok, JSON.stringify(described));
      if (described.value.repair.state === "idle") return described.value;
      await turn();
      // What waits is tried again every minute.
      if (count % 100 === 99) await node.kit.clock.advance(count % 1000 === 999 ? minute : 5);
    }
    return assert.fail(`repair goes on: ${await this.#state(node)}`);
  }

  async #scrubbed(node: Node): Promise<void> {
    assert((await node.kit.ref.call("scrubNow", {}, within)).ok);
    for (let count = 0; count < TURNS_MAX; count += 1) {
      const facts = await node.facts();
      if (facts?.scrub.isRunning === false) return;
      await turn();
      if (count % 10 === 9) await node.kit.clock.advance(count > 1000 ? 1000 : 1);
    }
    assert.fail(`scrubbing ends: ${JSON.stringify(await node.facts())}`);
  }

  async #traffic(node: Node, yanked: YankedDisk): Promise<void> {
    await this.#within(
      this.#putSome(node, () => false),
      node,
      yanked,
    );
  }

  /** Time passes until the work is done. */
  async #within<Value>(work: Promise<Value>, node: Node, yanked: YankedDisk): Promise<Value> {
    let isDone = false;
    const working = work.finally(() => {
      isDone = true;
    });
    for (let count = 1; !isDone; count += 1) {
      await turn();
      if (count % 50 === 0) await node.kit.clock.advance(yanked.hung.length > 0 ? HUNG_STEP_MS : STEP_MS);
      assert(count < TURNS_MAX, `all is answered: ${JSON.stringify(node.kit.exits)}`);
    }
    return await working;
  }

  /** The process ends in the middle. */
  async #cutOffTraffic(node: Node): Promise<void> {
    let isCutOff = false;
    const working = this.#putSome(node, () => isCutOff);
    await Promise.race([working, passed(this.#story.random.below(200))]);
    isCutOff = true;
    node.life.kill();
  }

  async #putSome(node: Node, isCutOff: () => boolean): Promise<void> {
    const { acknowledged, uncertain, removed } = this.#book;
    const picked = new Set(
      Array.from({ length: 1 + this.#story.random.below(4) }, () => this.#story.one(this.#objects)),
    );
    const others = this.#objects.filter((object) => !picked.has(object) && this.#story.chance(6));
    const isWhole = this.#away.size === 0 && this.#hurt.size === 0 && !this.#isExposed;
    if (this.#away.size > 0) this.#isExposed = true;
    for (const object of others) this.#strict.delete(object);
    const keeping = keepSome(node, others, this.#book, this.#story.random, this.#tally, isCutOff);
    const puts = [...picked].map(async (object) => {
      const { number, bytes, chunker, enc } = object;
      if (!acknowledged.has(object)) uncertain.add(object);
      removed.delete(object);
      const stored = await node.kit.ref.call("putObject", { source: sourceOf(bytes), chunker, enc }, within);
      if (isCutOff()) return;
      this.#story.say(`put ${number}: ${stored.ok ? "stored" : JSON.stringify(stored.failure)}`);
      if (!stored.ok) {
        this.#tally.refusedPuts += 1;
        return;
      }
      this.#tally.acknowledged += 1;
      uncertain.delete(object);
      acknowledged.add(object);
      if (isWhole) this.#strict.add(object);
    });
    await Promise.all(puts);
    for (const what of await keeping) this.#story.say(what);
  }

  async #mustPut(node: Node, object: TestObject): Promise<void> {
    const { number, bytes, chunker, enc } = object;
    const stored = await node.kit.ref.call("putObject", { source: sourceOf(bytes), chunker, enc }, within);
    assert(stored.ok, `object ${number} is put: ${JSON.stringify(stored)}`);
    this.#book.uncertain.delete(object);
    this.#book.acknowledged.add(object);
  }

  async #look(node: Node): Promise<void> {
    await node.kit.clock.advance(VOLUME_LOOK_INTERVAL_MS);
    await passed(200);
  }

  #end(node: Node): void {
    node.life.kill();
    const wasKilled = this.#story.chance(2);
    this.#story.crash(this.#disk, this.#kv, wasKilled);
    this.#story.say(wasKilled ? "killed" : "power cut");
  }

  async #betweenLives(): Promise<void> {
    if (this.#story.chance(3)) {
      this.#kv.remove("/data/catalog");
      this.#tally.catalogsLost += 1;
      this.#story.say("catalog lost");
    }
    const isWhole = this.#away.size === 0 && this.#hurt.size === 0 && !this.#isExposed;
    if (isWhole && this.#story.chance(3)) await this.#replace(this.#story.one(this.#directories));
  }

  /** Its disk is dead. Another one takes its place in the configuration. */
  async #replace(volume: string): Promise<void> {
    const other = `${volume}x`;
    assert((await this.#disk.rename(volume, `/gone${volume}`)).ok);
    await this.#disk.syncDirectory("/");
    this.#directories = this.#directories.map((one) => (one === volume ? other : one));
    this.#hurt.add(volume);
    this.#tally.replaced += 1;
    this.#story.say(`${volume} replaced by ${other}`);
  }

  async #state(node: Node): Promise<string> {
    const described = await node.kit.ref.call("describeVolumes", {}, within);
    return JSON.stringify([described, [...this.#away], [...this.#hurt]]);
  }

  #settings(): VolumeSettings {
    return { directories: this.#directories, erasure: this.#layout.erasure };
  }

  #shuffled(): readonly string[] {
    const left = [...this.#directories];
    return this.#directories.map(() => left.splice(this.#story.random.below(left.length), 1)[0] ?? "");
  }
}
