/**
 * A history of one object under several manifests: put without an end and for a time, pinned, let go, removed, restored and
 * collected, over lives with and without their catalogs. A model says which of the manifests is there. A function of the seed.
 */
import assert from "node:assert/strict";
import type { Address, Digest } from "#actors/domain/address.ts";
import { FOR_EVER } from "#actors/storage/keeps/keep.ts";
import type { StoredObject } from "#actors/storage/protocol.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { type MemoryKvStores, memoryKvStores } from "#runtime/simulated/kv.ts";
import { GiB, KiB } from "#runtime/units.ts";
import { collect, mustPut } from "#test/actors/storage/collection/collection-kit.ts";
import { Story } from "#test/actors/storage/histories/story.ts";
import { type Mortal, mortal } from "#test/actors/storage/mortal.ts";
import { readObject } from "#test/actors/storage/object-reader.ts";
import { randomBytes, type StorageKit, startStorage, whole, within } from "#test/actors/storage/storage-kit.ts";

const CHUNKERS = ["gear-nc2/1", "fixed/1", "gear-fine/1"] as const;
const TRASH_MS = 1000;
const config = { packSealBytes: 256 * KiB, compactBelowPercent: 80, trashMs: TRASH_MS } as const;
const bytes = randomBytes(150 * KiB, 7);

/** What happened in it. */
export interface HoldTally {
  lives: number;
  puts: number;
  removals: number;
  restored: number;
  collections: number;
  verified: number;
}

export const EMPTY_HOLD_TALLY: Readonly<HoldTally> = {
  lives: 0,
  puts: 0,
  removals: 0,
  restored: 0,
  collections: 0,
  verified: 0,
};

/** What the model says of one manifest. */
interface Described {
  readonly chunker: (typeof CHUNKERS)[number];
  state: "never" | "there" | "removed" | "gone";
  /** Somebody has put it without an end, and nobody has let it go since. */
  isHeldByPut: boolean;
  root: Digest | undefined;
}

export class HoldHistory {
  readonly #story: Story;
  readonly #disk = new MemoryDisk({ capacityBytes: 1 * GiB });
  readonly #kv: MemoryKvStores = memoryKvStores();
  readonly #manifests: readonly Described[];
  readonly #tally: HoldTally = { ...EMPTY_HOLD_TALLY };
  readonly #fillers: StoredObject[] = [];
  #address: Address | undefined;
  #pinnedUntilMs = 0;
  /** Of what can be restored; undefined where nothing can. */
  #removedAtMs: number | undefined;
  #elapsedMs = 0;

  constructor(seed: number) {
    this.#story = new Story(seed);
    this.#manifests = CHUNKERS.map((chunker) => ({ chunker, state: "never", isHeldByPut: false, root: undefined }));
  }

  /** Rejects with what does not hold, and all that came before it. */
  async run(): Promise<HoldTally> {
    try {
      for (let count = 2 + this.#story.random.below(4); count > 0; count -= 1) await this.#live();
      await this.#endWell();
    } catch (error) {
      const what = error instanceof Error ? error.stack : String(error);
      throw new Error(`hold history ${this.#story.seed}: ${what}\n${this.#story.told}`, { cause: error });
    }
    return this.#tally;
  }

  async #live(): Promise<void> {
    const { kit, machine } = await this.#begin();
    for (let step = 8 + this.#story.random.below(20); step > 0; step -= 1) {
      await this.#step(kit);
      await this.#check(kit);
    }
    await this.#end(kit, machine);
  }

  /** However often its catalog is lost, and what nobody holds is collected. */
  async #endWell(): Promise<void> {
    this.#kv.remove("/data/catalog");
    const { kit } = await this.#begin();
    await this.#check(kit);
    for (const emptyTrash of [false, true, true]) {
      await this.#collect(kit, emptyTrash);
      await this.#check(kit);
    }
    await kit.actor.stop();
  }

  async #begin(): Promise<{ readonly kit: StorageKit; readonly machine: Mortal }> {
    const machine = mortal(this.#disk, this.#kv);
    const kit = await startStorage({ disk: machine.disk, kv: machine.kv, config });
    await whole(kit);
    await kit.clock.advance(this.#elapsedMs);
    this.#tally.lives += 1;
    return { kit, machine };
  }

  async #end(kit: StorageKit, machine: Mortal): Promise<void> {
    const [isStopped, isLost] = [this.#story.chance(2), this.#story.chance(2)];
    this.#story.say(`${isStopped ? "stop" : "kill"}${isLost ? ", without the catalog" : ""}`);
    await kit.clock.settle();
    if (isStopped) await kit.actor.stop();
    machine.kill();
    if (!isStopped) this.#story.crash(this.#disk, this.#kv, this.#story.chance(2));
    if (isLost) this.#kv.remove("/data/catalog");
  }

  async #step(kit: StorageKit): Promise<void> {
    const { random } = this.#story;
    const one = this.#story.one(this.#manifests);
    const what = random.below(18);
    if (what < 3) await this.#put(kit, one, undefined);
    else if (what < 7) await this.#put(kit, one, 200 + random.below(2000));
    else if (what < 9)
      await this.#pin(kit, one, this.#story.chance(4) ? undefined : this.#nowMs(kit) + random.below(2000));
    else if (what < 10) await this.#unpin(kit, one);
    else if (what < 12) await this.#remove(kit, one);
    else if (what < 13) await this.#restore(kit);
    else if (what < 15) await this.#collect(kit, this.#story.chance(3));
    else if (what < 17) await this.#pass(kit, 100 + random.below(1500));
    else await this.#fill(kit);
  }

  async #put(kit: StorageKit, one: Described, keepMs: number | undefined): Promise<void> {
    const { chunker } = one;
    this.#story.say(`put ${chunker} ${keepMs === undefined ? "without an end" : `for ${keepMs} ms`}`);
    const { address, manifest } = await mustPut(kit, bytes, { chunker, keepMs });
    this.#tally.puts += 1;
    this.#address = address;
    one.root = manifest;
    if (one.state !== "there") one.isHeldByPut = false;
    one.state = "there";
    if (keepMs === undefined) one.isHeldByPut = true;
    else this.#pinnedUntilMs = Math.max(this.#pinnedUntilMs, this.#nowMs(kit) + keepMs);
  }

  async #pin(kit: StorageKit, one: Described, untilMs: number | undefined): Promise<void> {
    if (one.root === undefined) return;
    this.#story.say(`pin ${one.chunker} ${untilMs === undefined ? "without an end" : `until ${untilMs}`}`);
    const pinned = await kit.ref.call("pinObject", { manifest: one.root, untilMs }, within);
    assert.equal(pinned.ok, one.state === "there", "what is there can be pinned");
    if (!pinned.ok || (untilMs === undefined && one.isHeldByPut)) return;
    this.#pinnedUntilMs = Math.max(this.#pinnedUntilMs, untilMs ?? FOR_EVER);
  }

  async #unpin(kit: StorageKit, one: Described): Promise<void> {
    if (one.root === undefined) return;
    this.#story.say(`unpin ${one.chunker}`);
    const unpinned = await kit.ref.call("unpinObject", { manifest: one.root }, within);
    assert.equal(unpinned.ok, one.state === "there", "what is there can be let go");
    if (!unpinned.ok) return;
    this.#pinnedUntilMs = 0;
    for (const other of this.#manifests) other.isHeldByPut = false;
  }

  async #remove(kit: StorageKit, one: Described): Promise<void> {
    if (one.root === undefined) return;
    this.#story.say(`remove ${one.chunker}`);
    const removed = await kit.ref.call("removeObject", { manifest: one.root }, within);
    assert.equal(removed.ok, one.state === "there" || one.state === "removed", "what is there can be removed");
    if (!removed.ok) return;
    assert.equal(removed.value.restorableUntilMs, this.#nowMs(kit) + TRASH_MS);
    this.#tally.removals += 1;
    this.#pinnedUntilMs = 0;
    this.#letGo(() => true);
    this.#removedAtMs = this.#nowMs(kit);
  }

  async #restore(kit: StorageKit): Promise<void> {
    if (this.#address === undefined) return;
    this.#story.say("restore");
    const restored = await kit.ref.call("restoreObject", { address: this.#address }, within);
    assert.equal(restored.ok, this.#removedAtMs !== undefined, "what is in the trash can be restored");
    if (!restored.ok) return;
    this.#tally.restored += 1;
    this.#removedAtMs = undefined;
    this.#pinnedUntilMs = FOR_EVER;
    for (const one of this.#manifests) if (one.state === "removed") one.state = "there";
  }

  async #collect(kit: StorageKit, emptyTrash: boolean): Promise<void> {
    this.#story.say(`collect${emptyTrash ? ", trash too" : ""}`);
    assert.equal((await collect(kit, emptyTrash)).blocked, undefined);
    this.#tally.collections += 1;
    const nowMs = this.#nowMs(kit);
    if (this.#removedAtMs !== undefined && (emptyTrash || this.#removedAtMs <= nowMs - TRASH_MS)) {
      this.#removedAtMs = undefined;
      for (const one of this.#manifests) if (one.state === "removed") one.state = "gone";
    }
    if (this.#pinnedUntilMs > nowMs) return;
    if (this.#letGo(({ isHeldByPut }) => !isHeldByPut)) this.#removedAtMs = nowMs;
  }

  /** Those that are there go to the trash. Answers whether there were any. */
  #letGo(isMeant: (one: Described) => boolean): boolean {
    const meant = this.#manifests.filter((one) => one.state === "there" && isMeant(one));
    for (const one of meant) Object.assign(one, { state: "removed", isHeldByPut: false });
    return meant.length > 0;
  }

  async #pass(kit: StorageKit, ms: number): Promise<void> {
    this.#story.say(`${ms} ms pass`);
    await kit.clock.advance(ms);
    this.#elapsedMs += ms;
  }

  /** So that packs are sealed, and compacted. */
  async #fill(kit: StorageKit): Promise<void> {
    this.#story.say("fill");
    const { random } = this.#story;
    for (let count = 3; count > 0; count -= 1) {
      this.#fillers.push(await mustPut(kit, random.bytes(40 * KiB + random.below(60 * KiB))));
    }
    const some = this.#story.chance(2) ? this.#fillers.splice(0, 3) : [];
    for (const { manifest } of some) assert((await kit.ref.call("removeObject", { manifest }, within)).ok);
  }

  async #check(kit: StorageKit): Promise<void> {
    const listed = await kit.ref.call("listManifests", { after: undefined, limit: 1000 }, within);
    assert(listed.ok);
    for (const { chunker, root, state } of this.#manifests) {
      if (root === undefined) continue;
      const read = await readObject(kit.ref, root);
      const isRead = read instanceof Uint8Array && Buffer.compare(read, bytes) === 0;
      const answer = read instanceof Uint8Array ? "bytes" : read.code;
      assert.equal(isRead, state === "there", `${chunker} is ${state}: ${answer}`);
      const isListed = listed.value.entries.some(({ manifest }) => manifest === root);
      assert.equal(isListed, state === "there", `${chunker} is ${state}, listed: ${isListed}`);
      this.#tally.verified += 1;
    }
  }

  #nowMs(kit: StorageKit): number {
    return kit.clock.wallMs();
  }
}
