/**
 * Reads everything again, for ever, and compares it with what was stored: damage is found while it can be healed, not when
 * somebody asks for the object.
 *
 * The pack that was verified longest ago comes first. A pack is due when half of the period has passed, and the rate is such
 * that all of them are through in the other half: so nothing stays unverified for longer than the period. What was verified
 * when is remembered in the catalog.
 */

import type { DamagedObject, ScrubFacts } from "#actors/domain/scrub-facts.ts";
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
import type { PackState } from "#actors/storage/catalog/catalog-records.ts";
import { recordsIn } from "#actors/storage/catalog/catalog-walk.ts";
import type { PackReaders } from "#actors/storage/collection/pack-readers.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import { isBadPlace, type PackFiles } from "#actors/storage/packs/pack-files.ts";
import {
  decodeSealEntry,
  PACK_FRONT_BYTES,
  SEAL_ENTRY_BYTES,
  type SealEntry,
} from "#actors/storage/packs/pack-format.ts";
import { type OnUnreadable, readSeal, scanRecords } from "#actors/storage/packs/pack-scan.ts";
import { recordEnd, sizeOfRecord } from "#actors/storage/packs/record.ts";
import type { RecordCheck } from "#actors/storage/packs/record-check.ts";
import { readSealTable } from "#actors/storage/packs/sealer.ts";
import type { Pause } from "#actors/storage/pause.ts";
import type { OnDamaged } from "#actors/storage/puts/known-records.ts";
import type { DamageWalk } from "#actors/storage/scrub/damage-walk.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { least } from "#runtime/extremes.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Counter } from "#runtime/telemetry/metrics.ts";
import { Throttle } from "#runtime/throttle.ts";
import { MiB, minute, second } from "#runtime/units.ts";

/** From one look for packs that are due to the next. */
export const SCRUB_LOOK_INTERVAL_MS: number = 1 * minute;
/** Slowest rate, bytes a second: below it a small store would be read in drops. */
export const SCRUB_BYTES_PER_SECOND_MIN: number = 1 * MiB;

/** Before there is anything to read. */
export const NO_SCRUB: ScrubFacts = {
  isRunning: false,
  totalBytes: 0,
  dueBytes: 0,
  awayBytes: 0,
  unverifiedBytes: 0,
  oldestVerifiedAtMs: 0,
  etaMs: 0,
  periodMs: 0,
  wholeMs: 0,
  damaged: [],
};

export interface ScrubberDeps {
  readonly config: () => Pick<StorageConfig, "collectBytesPerSecondMax" | "scrubPeriodMs">;
  readonly catalog: Catalog;
  readonly files: PackFiles;
  readonly check: RecordCheck;
  readonly cpu: Pick<Cpu, "hasher">;
  readonly readers: PackReaders;
  readonly damageWalk: Pick<DamageWalk, "run">;
  /** Another one when a volume has come, gone, or is looked through anew: what was seen by then is not all that there was. */
  readonly generation: () => number;
  /** A volume may hold what is not known yet: whether anything is lost is asked later. */
  readonly isSettling: () => boolean;
  /** What has no file any more is marked when it settles: a file cannot say that. */
  readonly findLost: () => Promise<void>;
  readonly pause: Pause;
  readonly clock: Clock;
  readonly log: Log;
  readonly scrubbedBytes: Counter;
  readonly onDamaged: OnDamaged;
  /** Of what goes on beside the calls: it ends the incarnation. */
  readonly onDefect: (defect: unknown) => void;
  readonly signal: AbortSignal;
}

export class Scrubber {
  readonly #deps: ScrubberDeps;
  readonly #throttle: Throttle;
  /** Packs that were verified before then are due, however short ago that is. */
  #wantedSinceMs = 0;
  /** The pack at work was asked for. */
  #isHurried = false;
  #work: Promise<void> | undefined;
  #timer: Timer | undefined;
  #damaged: readonly DamagedObject[] = [];
  /** When they were found: how many records were damaged, and the last commit. */
  #walked = { damagedCount: 0, sequence: 0 };
  #isWalkWanted = false;
  /** Of the pack at work. */
  #doneBytes = 0;
  /** Packs that the last round could not verify. */
  readonly #unverified = new Set<number>();
  /** Of the pack at work: records that are not what they are known as, and that there was no room to mark. */
  #unmarkedCount = 0;

  constructor(deps: ScrubberDeps) {
    const { clock, signal } = deps;
    this.#deps = deps;
    this.#throttle = new Throttle(clock, () => this.#bytesPerSecond(), signal);
    this.#later();
  }

  get facts(): ScrubFacts {
    const { catalog, clock, config, files } = this.#deps;
    const { collectBytesPerSecondMax, scrubPeriodMs } = config();
    const nowMs = clock.wallMs();
    const due = this.#due(nowMs);
    const filled = [...catalog.packs.values()].filter(({ checkpoint }) => checkpoint > PACK_FRONT_BYTES);
    const verifiedAtMs = filled.map(({ pack }) => catalog.verifiedAtMs(pack));
    const awayBytes = bytesOf(due.filter(({ pack }) => !files.isThere(pack)));
    const dueBytes = bytesOf(due) - this.#doneBytes;
    return {
      isRunning: this.#work !== undefined,
      totalBytes: catalog.packBytes,
      dueBytes: Math.max(0, dueBytes),
      awayBytes,
      unverifiedBytes: bytesOf(due.filter(({ pack }) => files.isThere(pack) && this.#unverified.has(pack))),
      oldestVerifiedAtMs: verifiedAtMs.length === 0 ? nowMs : least(verifiedAtMs),
      etaMs: Math.ceil((Math.max(0, dueBytes - awayBytes) * second) / this.#bytesPerSecond()),
      periodMs: scrubPeriodMs,
      wholeMs: Math.ceil((catalog.packBytes * second) / collectBytesPerSecondMax),
      damaged: this.#damaged,
    };
  }

  /** Everything is due, and goes as fast as maintenance may. */
  scrubNow(): void {
    this.#wantedSinceMs = this.#deps.clock.wallMs();
    this.#isHurried = true;
    this.#isWalkWanted = true;
    this.#begin();
  }

  /** Nothing is read any more when it settles. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#work;
  }

  #later(): void {
    this.#timer = this.#deps.clock.after(SCRUB_LOOK_INTERVAL_MS, () => this.#begin());
  }

  #begin(): void {
    if (this.#work !== undefined || this.#deps.signal.aborted) return;
    this.#timer?.cancel();
    this.#work = this.#run()
      .catch(this.#deps.onDefect)
      .then(() => {
        this.#work = undefined;
        this.#isHurried = false;
        if (!this.#deps.signal.aborted) this.#later();
      });
  }

  async #run(): Promise<void> {
    const { catalog, clock, files, generation, log, signal } = this.#deps;
    this.#unverified.clear();
    await this.#deps.findLost();
    for (;;) {
      const oldest = this.#due(clock.wallMs()).find(({ pack }) => files.isThere(pack) && !this.#unverified.has(pack));
      if (oldest === undefined || signal.aborted) break;
      this.#isHurried = catalog.verifiedAtMs(oldest.pack) < this.#wantedSinceMs;
      const begun = generation();
      const isRead = (await this.#verify(oldest)) && generation() === begun;
      if (signal.aborted) return;
      this.#doneBytes = 0;
      // One that cannot be read now is tried again in the next round, not at once, and stays due until then.
      if (!isRead) this.#unverified.add(oldest.pack);
      else if (catalog.packs.has(oldest.pack)) catalog.setVerified(oldest.pack, clock.wallMs());
      if (!isRead) log.warn("pack not verified", { pack: oldest.pack, unmarkedCount: this.#unmarkedCount });
      this.#unmarkedCount = 0;
    }
    if (this.#isWalkDue) await this.#walk();
  }

  get #isWalkDue(): boolean {
    const { highestSequence, totals } = this.#deps.catalog;
    if (this.#isWalkWanted || totals.damagedCount !== this.#walked.damagedCount) return true;
    // What there was no record of at all may have been put again.
    return this.#damaged.length > 0 && totals.damagedCount === 0 && highestSequence !== this.#walked.sequence;
  }

  async #walk(): Promise<void> {
    const { catalog, damageWalk, generation, isSettling, log } = this.#deps;
    const sequence = catalog.highestSequence;
    const begun = generation();
    this.#isWalkWanted = isSettling();
    if (this.#isWalkWanted) return;
    const damaged = await damageWalk.run();
    if (generation() !== begun) {
      this.#isWalkWanted = true;
      return;
    }
    this.#damaged = damaged;
    this.#walked = { damagedCount: catalog.totals.damagedCount, sequence };
    for (const { address, manifest } of this.#damaged) log.error("object damaged", { address, manifest });
  }

  /** Oldest first. */
  #due(nowMs: number): readonly PackState[] {
    const { catalog, config } = this.#deps;
    const beforeMs = Math.max(nowMs - config().scrubPeriodMs / 2, this.#wantedSinceMs);
    const isDue = ({ pack, checkpoint }: PackState): boolean => {
      const atMs = catalog.verifiedAtMs(pack);
      // A clock that was set back says nothing about when.
      return checkpoint > PACK_FRONT_BYTES && (atMs < beforeMs || atMs > nowMs);
    };
    return [...catalog.packs.values()]
      .filter(isDue)
      .sort((one, other) => catalog.verifiedAtMs(one.pack) - catalog.verifiedAtMs(other.pack));
  }

  /** False where something could not be read, which says nothing about it, or not be marked: it is found again by the next round. */
  async #verify(state: PackState): Promise<boolean> {
    const { pause, readers, scrubbedBytes, signal } = this.#deps;
    const leave = readers.enter(new Set([state.pack]));
    const seen = new Set<number>();
    let isRead = true;
    const onUnreadable = (failure: DiskFailure): void => {
      isRead &&= isBadPlace(failure);
    };
    try {
      const records = recordsOf(this.#deps, state, onUnreadable);
      for (;;) {
        const { done, value } = await records.next();
        // A record whose header has decayed, and of which no seal tells, is known to the catalog alone.
        if (done === true) return (value || (await this.#verifyUnseen(state, seen))) && isRead;
        if (signal.aborted) return false;
        const sizeBytes = sizeOfRecord(value);
        seen.add(value.position);
        await this.#throttle.take(sizeBytes);
        isRead = (await this.#verifyRecord(state.pack, value)) && isRead;
        scrubbedBytes.add(sizeBytes);
        this.#doneBytes = value.position + sizeBytes;
        await pause.ifDue();
      }
    } finally {
      leave();
    }
  }

  async #verifyUnseen({ pack, checkpoint }: PackState, seen: ReadonlySet<number>): Promise<boolean> {
    const { catalog, pause, signal } = this.#deps;
    let isRead = true;
    const isOver = (): boolean => signal.aborted;
    for await (const { digest, entry } of recordsIn(catalog, pause, (other) => other === pack, isOver)) {
      if (seen.has(entry.position) || entry.position >= checkpoint) continue;
      await this.#throttle.take(sizeOfRecord(entry));
      isRead = (await this.#verifyRecord(pack, { ...entry, digest })) && isRead;
    }
    return isRead && !signal.aborted;
  }

  async #verifyRecord(pack: number, { digest, kind, position }: ListedRecord): Promise<boolean> {
    const { catalog, check, onDamaged } = this.#deps;
    const entry = catalog.at(digest, { kind, pack, position });
    // What is dead, or known to differ, has nothing to lose.
    if (entry === undefined || entry.damage === "differs") return true;
    const held = await check.holds(digest, entry);
    if (!held.ok && !isBadPlace(held.failure)) return false;
    const damage = held.ok ? (held.value ? "none" : "differs") : "unreadable";
    if (damage !== entry.damage && !catalog.hasRoomToSpare) {
      this.#unmarkedCount += 1;
      if (damage !== "none") catalog.leaveUnmarked();
      return false;
    }
    if (damage === "none") catalog.lift(digest, entry);
    else onDamaged(digest, entry, damage);
    return true;
  }

  #bytesPerSecond(): number {
    const { catalog, config } = this.#deps;
    const { collectBytesPerSecondMax, scrubPeriodMs } = config();
    if (this.#isHurried) return collectBytesPerSecondMax;
    const inHalfThePeriod = (2 * second * catalog.packBytes) / scrubPeriodMs;
    return Math.min(collectBytesPerSecondMax, Math.max(SCRUB_BYTES_PER_SECOND_MIN, inHalfThePeriod));
  }
}

function bytesOf(packs: readonly PackState[]): number {
  return packs.reduce((sum, { checkpoint }) => sum + checkpoint, 0);
}

type ListedRecord = Pick<SealEntry, "digest" | "kind" | "payloadBytes" | "payloadOffset" | "position">;

/**
 * What a pack holds: by the word of its seal, which also names records of which the header has decayed; without one, or with
 * one that is damaged, by its headers. Answers at its end whether that was all there is.
 */
async function* recordsOf(
  { files, cpu }: Pick<ScrubberDeps, "files" | "cpu">,
  { pack, mark, checkpoint, sealed }: PackState,
  onUnreadable: OnUnreadable,
): AsyncGenerator<ListedRecord, boolean> {
  const seal = sealed ? await readSeal(files, pack, mark, checkpoint, onUnreadable) : undefined;
  if (seal !== undefined) {
    const hasher = cpu.hasher();
    for await (const bytes of readSealTable(files, pack, seal.tablePosition, seal.entryCount, onUnreadable)) {
      hasher.update(bytes);
      for (let at = 0; at < bytes.length; at += SEAL_ENTRY_BYTES) {
        yield decodeSealEntry(bytes.subarray(at, at + SEAL_ENTRY_BYTES));
      }
    }
    // What has decayed in the table is a record that is not named, or another one.
    return Buffer.compare(hasher.digest(), seal.tableDigest) === 0;
  }
  let end = PACK_FRONT_BYTES;
  let hasGap = false;
  for await (const found of scanRecords(files, pack, mark, PACK_FRONT_BYTES, checkpoint, onUnreadable)) {
    const { payloadBytes, payloadOffset } = found.header;
    hasGap ||= found.skippedBytes > 0;
    end = recordEnd(found.position, found.header);
    yield { ...found.name, position: found.position, payloadBytes, payloadOffset };
  }
  return !hasGap && end >= checkpoint;
}
