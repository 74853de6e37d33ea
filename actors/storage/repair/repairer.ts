/**
 * Sees to it that everything has the redundancy that it should have, what has least first.
 *
 * A walk over all commits counts what lacks records, by how many volumes may still be lost. Then the lowest level is mended in
 * a walk of its own, then the next, with what has come down to it since. What cannot be mended is counted and left to the next
 * time: it never holds up the others.
 *
 * What an absent volume holds counts for a while as if it were there: a disk that is back after a reboot costs nothing.
 */
import type { Digest } from "#actors/domain/address.ts";
import { type ErasureProfile, shardCountOf } from "#actors/domain/erasure-profile.ts";
import { decodeManifest, decodeNode, type ManifestNode } from "#actors/domain/manifest.ts";
import type { RepairAction, RepairFacts } from "#actors/domain/volumes-facts.ts";
import type { CatalogEntry } from "#actors/storage/catalog/catalog-records.ts";
import { eachCommit } from "#actors/storage/catalog/commit-walk.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { Keeping } from "#actors/storage/keeps/keeping.ts";
import { slotOf } from "#actors/storage/packs/pack-number.ts";
import type { RecordKind } from "#actors/storage/packs/record.ts";
import type { Pause } from "#actors/storage/pause.ts";
import { Mender, type MenderDeps } from "#actors/storage/repair/mender.ts";
import { Pace } from "#actors/storage/repair/pace.ts";
import { type Redundancy, reachOf, redundancyOf } from "#actors/storage/repair/wanted.ts";
import type { Written } from "#actors/storage/spread/spread.ts";
import type { VolumeView } from "#actors/storage/volumes/volume-view.ts";
import { VOLUME_LOOK_INTERVAL_MS } from "#actors/storage/volumes/volumes.ts";
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Throttle } from "#runtime/throttle.ts";
import { minute, second } from "#runtime/units.ts";

/** From a walk that left something to the next. */
export const REPAIR_RETRY_MS: number = 1 * minute;
/** Within that time a volume that has gone is missed. */
const UNMISSED_MS: number = 3 * VOLUME_LOOK_INTERVAL_MS;
/** Payloads that are counted once, and tried once in vain, however many objects have them. */
export const REPAIR_COUNTED_MAX = 262_144;

export interface RepairerDeps extends Omit<MenderDeps, "pay"> {
  readonly config: () => Pick<StorageConfig, "repairBytesPerSecondMax" | "repairOpsPerSecondMax" | "repairDelayMs">;
  readonly volumes: () => readonly VolumeView[];
  /** What one of them holds is found out now: until then it would be counted as missing. */
  readonly isLookingAnew: () => boolean;
  /** Settles when that is over for those that are back by now. */
  readonly recovered: () => Promise<void>;
  readonly keeping: Keeping;
  readonly clock: Clock;
  readonly log: Log;
  readonly pause: Pause;
  /** The highest that was given out. */
  readonly lastSequence: () => number;
  readonly onDefect: (defect: unknown) => void;
  readonly signal: AbortSignal;
}

/** What one walk has seen. */
interface Seen {
  readonly margins: Set<number>;
  readonly counted: Set<string>;
  /** What was tried since, or has nowhere to go. */
  readonly left: Set<string>;
  backlogCount: number;
  backlogBytes: number;
  atRiskBytes: number;
  lostCount: number;
  /** What can be mended and was neither mended nor left yet. */
  todoBytes: number;
}

export class Repairer {
  readonly #deps: RepairerDeps;
  readonly #mender: Mender;
  readonly #bytes: Throttle;
  readonly #ops: Throttle;
  readonly #pace: Pace;
  #seen: Seen = nothingSeen();
  /** Since the last count began: what was written with less than it should have. */
  #heard = nothingSeen();
  #repairedCount = 0;
  #repairedBytes = 0;
  #failedCount = 0;
  #isWanted = false;
  /** What has gone by then is not waited for: a volume that was pulled just now may not have been missed yet. */
  #forcedUntilMs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> | undefined;
  #timer: Timer | undefined;
  #resume: PromiseWithResolvers<void> | undefined;

  constructor(deps: RepairerDeps) {
    const { clock, config, signal } = deps;
    this.#deps = deps;
    this.#mender = new Mender({ ...deps, pay: (bytes, records) => this.#pay(bytes, records) });
    this.#pace = new Pace(clock);
    this.#bytes = new Throttle(clock, () => config().repairBytesPerSecondMax, signal);
    this.#ops = new Throttle(clock, () => config().repairOpsPerSecondMax, signal);
    signal.addEventListener("abort", () => this.#resume?.resolve(), { once: true });
  }

  get facts(): RepairFacts {
    const { lostCount } = this.#seen;
    const backlogCount = this.#seen.backlogCount + this.#heard.backlogCount;
    const backlogBytes = this.#seen.backlogBytes + this.#heard.backlogBytes;
    const atRiskBytes = this.#seen.atRiskBytes + this.#heard.atRiskBytes;
    const delayedUntilMs = this.#delayedUntil();
    const isAtRest = this.#work === undefined;
    const isDelayed = isAtRest && delayedUntilMs !== undefined;
    const atRest = isDelayed ? "delayed" : backlogCount === 0 ? "idle" : "waiting";
    const state = this.#resume !== undefined ? "paused" : isAtRest ? atRest : "running";
    const bytesPerSecond = state === "running" ? this.#pace.bytesPerSecond : 0;
    const todoBytes = this.#seen.todoBytes + this.#heard.todoBytes;
    const etaMs = bytesPerSecond > 0 ? Math.ceil((todoBytes * second) / bytesPerSecond) : undefined;
    return {
      state,
      delayedUntilMs: isDelayed ? delayedUntilMs : undefined,
      backlogCount,
      backlogBytes,
      atRiskBytes,
      lostCount,
      repairedCount: this.#repairedCount,
      repairedBytes: this.#repairedBytes,
      failedCount: this.#failedCount,
      bytesPerSecond,
      etaMs: backlogCount === lostCount ? 0 : etaMs,
    };
  }

  act(action: RepairAction): void {
    if (action === "pause") this.#resume ??= Promise.withResolvers<void>();
    else {
      this.#resume?.resolve();
      this.#resume = undefined;
      const { clock } = this.#deps;
      if (action === "now") this.#forcedUntilMs = clock.nowMs() + UNMISSED_MS;
      this.look();
    }
  }

  /** Something may have changed, or a life begins. */
  look(): void {
    this.#isWanted = true;
    if (this.#work !== undefined || this.#deps.signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#work = this.#run()
      .catch(this.#deps.onDefect)
      .then(() => {
        this.#work = undefined;
        if (!this.#deps.signal.aborted) this.#lookLater();
      });
  }

  /**
   * Something was written. With less than it should have it counts from now on, and waits for a volume to change, or for the
   * next walk: a walk for each would be one without an end while a disk is full.
   */
  heardOf({ lengthBytes, margin, profile, wantedCount, writtenCount }: Written): void {
    const asked = this.#deps.spread.profileOver(this.#deps.volumes());
    const isWhole =
      writtenCount === wantedCount &&
      shardCountOf(profile) >= shardCountOf(this.#wanted) &&
      profile.parityShards >= asked.parityShards;
    if (isWhole || this.#deps.signal.aborted) return;
    add(this.#heard, margin, lengthBytes, true);
    if (this.#work === undefined) this.#timer ??= this.#deps.clock.after(REPAIR_RETRY_MS, () => this.look());
  }

  /** Nothing is read or written any more when it settles. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#work;
  }

  #lookLater(): void {
    const { clock } = this.#deps;
    if (this.#isWanted) {
      this.look();
      return;
    }
    const until = this.#delayedUntil();
    const waitMs = until === undefined ? REPAIR_RETRY_MS : Math.min(REPAIR_RETRY_MS, until - clock.wallMs());
    // What is lost waits for a volume, which is heard of.
    if (until === undefined && this.facts.backlogCount === this.#seen.lostCount) return;
    this.#timer = clock.after(Math.max(0, waitMs), () => this.look());
  }

  async #run(): Promise<void> {
    const { log, signal } = this.#deps;
    while (this.#isWanted && !signal.aborted) {
      this.#isWanted = false;
      await this.#unpaused();
      await this.#deps.recovered();
      const seen = await this.#count();
      if (seen === undefined || seen.backlogCount === 0) continue;
      log.info("repair begins", { count: seen.backlogCount, bytes: seen.backlogBytes, atRiskBytes: seen.atRiskBytes });
      this.#pace.begin();
      for (const margin of [...seen.margins].sort((one, other) => one - other)) {
        if (margin >= 0) await this.#walk(seen, margin);
      }
      this.#pace.end();
      const left = await this.#count();
      if (left !== undefined) log.info("repair ends", { left: left.backlogCount, lost: left.lostCount });
    }
  }

  /** All that lacks something. Undefined where that ended early: then it is wanted again. */
  async #count(): Promise<Seen | undefined> {
    const seen = nothingSeen();
    this.#heard = nothingSeen();
    await this.#walk(seen, undefined);
    if (this.#isOver()) {
      this.#isWanted = true;
      return undefined;
    }
    this.#seen = seen;
    return seen;
  }

  /** Counts all that lacks something; with `level` mends what has no more than that margin instead. */
  async #walk(seen: Seen, level: number | undefined): Promise<void> {
    const { keeping } = this.#deps;
    for await (const commit of eachCommit({ ...this.#deps, isOver: this.#isOver })) {
      if (keeping.fateOf(commit) === "buried") continue;
      await this.#lookAt("manifest", commit.manifest, 0, level, seen);
      const root = await this.#node(commit.manifest, decodeManifest);
      if (root !== undefined) await this.#lookBelow(root, level, seen);
    }
  }

  readonly #isOver = (): boolean => this.#deps.signal.aborted || this.#deps.isLookingAnew();

  async #lookBelow(
    { linkKind, links }: Pick<ManifestNode, "linkKind" | "links">,
    level: number | undefined,
    seen: Seen,
  ): Promise<void> {
    for (const { digest, length } of links) {
      if (this.#isOver()) return;
      const kind = linkKind === "chunk" ? "chunk" : "manifest";
      await this.#lookAt(kind, digest, kind === "chunk" ? length : 0, level, seen);
      const node = kind === "manifest" ? await this.#node(digest, decodeNode) : undefined;
      if (node !== undefined) await this.#lookBelow(node, level, seen);
      await this.#deps.pause.ifDue();
    }
  }

  /** `lengthBytes` of a manifest is not asked for: it is always copied. */
  async #lookAt(
    kind: RecordKind,
    digest: Digest,
    lengthBytes: number,
    level: number | undefined,
    seen: Seen,
  ): Promise<void> {
    const { catalog, spread, volumes } = this.#deps;
    if (level !== undefined) await this.#unpaused();
    if (this.#isOver()) return;
    const counts = (entry: CatalogEntry): boolean => this.#counts(entry);
    const wanted = this.#wanted;
    const records = catalog.records(kind, digest).filter(counts);
    const { margin, missing, surplus } = redundancyOf(records, kind, lengthBytes, wanted);
    const isDamaged = catalog.records(kind, digest).some(({ damage }) => damage !== "none");
    const isSound = missing.length === 0 && surplus.length === 0 && !isDamaged;
    // With too few volumes nothing can be done about it, and yet it has less than was asked for.
    const asked = spread.profileOver(volumes()).parityShards;
    const isPoor = wanted.parityShards < asked && margin < asked;
    const name = `${kind} ${digest}`;
    if (level === undefined && (!isSound || isPoor)) return count(seen, name, margin, lengthBytes, !isSound);
    if (level === undefined || isSound || margin > level || margin < 0 || seen.left.has(name)) return;
    // What lacks something only since the count: else more would be done than there was to do. Of too many nobody knows.
    if (seen.counted.size < REPAIR_COUNTED_MAX) count(seen, name, margin, lengthBytes, true);
    const redundancyBy = (profile: ErasureProfile): Redundancy => redundancyOf(records, kind, lengthBytes, profile);
    const reach = reachOf([wanted, ...this.#withRoom], redundancyBy, (slots) => spread.targetsBeside(slots));
    if (reach === undefined) return leave(seen, name, lengthBytes);
    const mended = await this.#mender.mend({ kind, digest, lengthBytes, profile: reach.profile, counts });
    if (!mended.ok) {
      if (mended.failure.code === "over") return;
      this.#failedCount += 1;
      this.#deps.log.warn("not repaired", { kind, digest, failure: mended.failure });
      return leave(seen, name, lengthBytes);
    }
    this.#repairedCount += 1;
    this.#repairedBytes += mended.value;
    this.#tick(seen, lengthBytes);
  }

  /** Waits as long as repair is paused, which is no time of work. */
  async #unpaused(): Promise<void> {
    const { clock, signal } = this.#deps;
    while (this.#resume !== undefined && !signal.aborted) {
      const fromMs = clock.nowMs();
      await this.#resume.promise;
      this.#pace.leaveOut(clock.nowMs() - fromMs);
    }
  }

  async #pay(bytes: number, records: number): Promise<boolean> {
    await this.#bytes.take(bytes);
    await this.#ops.take(records);
    return !this.#isOver();
  }

  /** Over the volumes that are there, or may come back before it is worth while. */
  get #wanted(): ErasureProfile {
    const { spread, volumes } = this.#deps;
    return spread.profileOver(volumes().filter((volume) => isThere(volume) || this.#isAwaited(volume)));
  }

  /** Over those of them that can be written: with a volume that is waited for, and without. */
  get #withRoom(): readonly ErasureProfile[] {
    const { spread, volumes } = this.#deps;
    const open = spread.writable;
    const awaited = volumes().filter((volume) => this.#isAwaited(volume));
    return [spread.profileOver([...open, ...awaited]), spread.profileOver(open)];
  }

  #tick(seen: Seen, bytes: number): void {
    seen.backlogCount = Math.max(0, seen.backlogCount - 1);
    seen.backlogBytes = Math.max(0, seen.backlogBytes - bytes);
    seen.todoBytes = Math.max(0, seen.todoBytes - bytes);
    this.#pace.did(bytes);
  }

  async #node<Node>(
    digest: Digest,
    decode: (bytes: Uint8Array) => { readonly ok: true; readonly value: Node } | { readonly ok: false },
  ): Promise<Node | undefined> {
    const read = await this.#deps.read("manifest", digest);
    const node = read.ok ? decode(read.value) : undefined;
    return node?.ok === true ? node.value : undefined;
  }

  #counts({ damage, pack }: CatalogEntry): boolean {
    if (damage !== "none") return false;
    const volume = this.#deps.volumes().find(({ slot }) => slot === slotOf(pack));
    return slotOf(pack) === 0 || (volume !== undefined && (isThere(volume) || this.#isAwaited(volume)));
  }

  #isAwaited({ state, changedAtMs }: VolumeView): boolean {
    const { clock, config } = this.#deps;
    return (
      state === "absent" && changedAtMs > this.#forcedUntilMs && clock.nowMs() - changedAtMs < config().repairDelayMs
    );
  }

  /** By the wall clock. */
  #delayedUntil(): number | undefined {
    const { clock, config, volumes } = this.#deps;
    const ends = volumes()
      .filter((volume) => this.#isAwaited(volume))
      .map(({ changedAtMs }) => changedAtMs + config().repairDelayMs - clock.nowMs());
    return ends.length === 0 ? undefined : clock.wallMs() + Math.min(...ends);
  }
}

function count(seen: Seen, name: string, margin: number, lengthBytes: number, canBeMended: boolean): void {
  if (seen.counted.has(name)) return;
  if (seen.counted.size < REPAIR_COUNTED_MAX) seen.counted.add(name);
  add(seen, margin, lengthBytes, canBeMended);
}

function add(seen: Seen, margin: number, lengthBytes: number, canBeMended: boolean): void {
  seen.margins.add(margin);
  if (margin < 0) seen.lostCount += 1;
  seen.backlogCount += 1;
  seen.backlogBytes += lengthBytes;
  if (margin <= 0) seen.atRiskBytes += lengthBytes;
  if (margin >= 0 && canBeMended) seen.todoBytes += lengthBytes;
}

/** To the next count: it is not tried again before. */
function leave(seen: Seen, name: string, lengthBytes: number): void {
  if (seen.left.size < REPAIR_COUNTED_MAX) seen.left.add(name);
  seen.todoBytes = Math.max(0, seen.todoBytes - lengthBytes);
}

function nothingSeen(): Seen {
  return {
    margins: new Set(),
    counted: new Set(),
    left: new Set(),
    backlogCount: 0,
    backlogBytes: 0,
    atRiskBytes: 0,
    lostCount: 0,
    todoBytes: 0,
  };
}

function isThere({ state }: VolumeView): boolean {
  return state === "present" || state === "full" || state === "failing";
}
