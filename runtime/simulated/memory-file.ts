/**
 * One file of the simulated disk: what readers see, what the platter holds, and the changes between the two.
 *
 * Invariants:
 * - `durable` with all of `unsynced` applied in order is what is visible, unless a byte was flipped on purpose;
 * - a power cut leaves every 512-byte sector as it was after *some* prefix of the changes to it, each sector for itself:
 *   a write is kept, lost, torn, or overtaken by a later one;
 * - bytes that a failed `sync` covered never become certain by a later `sync`: the system has forgotten that they differ.
 *   The size does: it is one number, and every `sync` that succeeds writes it.
 */
import type { Random } from "#runtime/random.ts";

/** What a disk writes whole. Anything larger can be torn. */
export const sectorBytes = 512;

interface Change {
  /** `undefined` for a truncate. */
  readonly bytes: Uint8Array | undefined;
  readonly position: number;
  /** Where the bytes that it changed end: for a truncate, where the file ended before. */
  readonly end: number;
  /** Size of the file after the change. */
  readonly sizeBytes: number;
  /** A `sync` failed over it. */
  forgotten: boolean;
  /** The power goes in the middle of it: `tear`. */
  torn?: boolean;
}

export class MemoryFile {
  #visible = new Contents();
  #durable = new Contents();
  #unsynced: Change[] = [];

  get sizeBytes(): number {
    return this.#visible.sizeBytes;
  }

  read(into: Uint8Array, position: number): number {
    return this.#visible.read(into, position);
  }

  /** All that readers see, without a copy: not to be changed, and not to be kept. */
  view(): Uint8Array {
    return this.#visible.view();
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    const sizeBytes = Math.max(this.#visible.sizeBytes, end);
    // Not `slice`, which gives no copy of a `Buffer`.
    this.#change({ bytes: new Uint8Array(bytes), position, end, sizeBytes, forgotten: false });
  }

  truncate(sizeBytes: number): void {
    const end = this.#visible.sizeBytes;
    this.#change({ bytes: undefined, position: sizeBytes, end, sizeBytes, forgotten: false });
  }

  sync(): void {
    for (const change of this.#unsynced) if (!change.forgotten) this.#durable.apply(change);
    this.#durable.truncate(this.sizeBytes);
    this.#unsynced = this.#unsynced.filter(({ forgotten }) => forgotten).flatMap((change) => this.#asVisible(change));
  }

  /** A `sync` that failed: what it covered stays visible and is written by no later `sync`. */
  forgetUnsynced(): void {
    for (const change of this.#unsynced) change.forgotten = true;
  }

  /** A power cut that comes before the next `sync` comes in the middle of the last write, which covers more than one sector. */
  tear(): void {
    const last = this.#unsynced.at(-1);
    if (last !== undefined) last.torn = true;
  }

  /** The power is cut. What is visible afterwards is what the platter holds. */
  crash(random: Random): void {
    const after = this.#durable;
    const tear = tearIn(this.#unsynced, random);
    const tornBytes = tear === undefined ? 0 : tear.sector * sectorBytes;
    // The size travels with the file's metadata: any of the sizes it went through, with what is there of a torn write.
    const grown = this.#unsynced.map((change) => change.sizeBytes).filter((sizeBytes) => sizeBytes >= tornBytes);
    const sizes = [Math.max(after.sizeBytes, tornBytes), ...grown];
    const sizeBytes = sizes[random.below(sizes.length)] ?? after.sizeBytes;
    for (const [sector, changes] of changesBySector(this.#unsynced)) {
      const from = sector * sectorBytes;
      const bytes = new Uint8Array(sectorBytes);
      after.read(bytes, from);
      const keptCount = tornCount(random.below(changes.length + 1), changes, sector, tear);
      for (const change of changes.slice(0, keptCount)) applyToSector(change, bytes, from);
      after.write(bytes, from);
    }
    after.truncate(sizeBytes);
    // What was synced is as readers see it: most of a disk is not copied.
    if (this.#unsynced.length === 0) return;
    this.#visible = after.clone();
    this.#unsynced = [];
  }

  /** Decay: flips `mask` in one byte, as readers see it and on the platter. */
  flip(position: number, mask: number): void {
    this.#visible.flip(position, mask);
    this.#durable.flip(position, mask);
  }

  /** What may still come of a forgotten change: where the platter is not as it was, it is as readers see it now. */
  #asVisible({ position, end }: Change): readonly Change[] {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, this.sizeBytes) - position));
    this.read(bytes, position);
    if (bytes.length === 0) return [];
    return [{ bytes, position, end: position + bytes.length, sizeBytes: this.sizeBytes, forgotten: true }];
  }

  #change(change: Change): void {
    this.#visible.apply(change);
    this.#unsynced.push(change);
  }
}

/** Bytes that grow by doubling; what lies beyond `sizeBytes` in the buffer is zero. */
class Contents {
  #bytes = new Uint8Array(0);
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#sizeBytes - position));
    into.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }

  apply(change: Change): void {
    if (change.bytes === undefined) this.truncate(change.position);
    else this.write(change.bytes, change.position);
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    this.#reserve(end);
    this.#bytes.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    this.#reserve(sizeBytes);
    if (sizeBytes < this.#sizeBytes) this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  flip(position: number, mask: number): void {
    const byte = this.#bytes[position];
    if (byte !== undefined && position < this.#sizeBytes) this.#bytes[position] = byte ^ mask;
  }

  clone(): Contents {
    const twin = new Contents();
    twin.#bytes = this.#bytes.slice(0, this.#sizeBytes);
    twin.#sizeBytes = this.#sizeBytes;
    return twin;
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(sizeBytes, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = grown;
  }
}

/** Where a write is torn: the sectors from this one on are as they were before it. */
interface Tear {
  readonly change: Change;
  readonly sector: number;
}

function tearIn(changes: readonly Change[], random: Random): Tear | undefined {
  const change = changes.find(({ torn }) => torn === true);
  if (change === undefined) return undefined;
  const first = Math.floor(change.position / sectorBytes);
  const last = Math.floor((change.end - 1) / sectorBytes);
  return { change, sector: first + 1 + random.below(last - first) };
}

/** How many of the changes to the sector are there, where chance would have `keptCount`. */
function tornCount(keptCount: number, changes: readonly Change[], sector: number, tear: Tear | undefined): number {
  const at = tear === undefined ? -1 : changes.indexOf(tear.change);
  if (tear === undefined || at < 0) return keptCount;
  return sector < tear.sector ? Math.max(keptCount, at + 1) : Math.min(keptCount, at);
}

/** For each sector, the changes that wrote or cut it, oldest first. */
function changesBySector(changes: readonly Change[]): ReadonlyMap<number, readonly Change[]> {
  const bySector = new Map<number, Change[]>();
  for (const change of changes) {
    for (let sector = Math.floor(change.position / sectorBytes); sector * sectorBytes < change.end; sector += 1) {
      const known = bySector.get(sector);
      if (known === undefined) bySector.set(sector, [change]);
      else known.push(change);
    }
  }
  return bySector;
}

/** Applies the part of `change` that lies in the sector `bytes`, which begins at `from`. */
function applyToSector(change: Change, bytes: Uint8Array, from: number): void {
  const first = Math.max(0, change.position - from);
  if (change.bytes === undefined) {
    bytes.fill(0, first);
    return;
  }
  const skipped = Math.max(0, from - change.position);
  bytes.set(change.bytes.subarray(skipped, skipped + bytes.length - first), first);
}
