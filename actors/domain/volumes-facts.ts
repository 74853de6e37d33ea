/** What storage says of its volumes and of their repair. */
import type { Failure } from "#runtime/errors.ts";

/** Volumes, what is written to them, and what of it has less redundancy than that. */
export interface VolumesFacts {
  /** Empty where packs are in the data directory alone. */
  readonly volumes: readonly VolumeFacts[];
  /** As `K+M`, what is written now: by the volumes that live. */
  readonly profile: string;
  readonly repair: RepairFacts;
}

export interface VolumeFacts {
  /** 16 hex digits; empty where no volume was ever seen. */
  readonly id: string;
  /** Where it is, or was last; empty where another one is there now. */
  readonly directory: string;
  /** `left-out`: the store has it, and no directory of the configuration is its own. */
  readonly state: "present" | "absent" | "full" | "failing" | "foreign" | "left-out";
  /** A sentence for people about any state but `present`, and about packs that cannot be read. */
  readonly problem: string | undefined;
  /** Of its packs, also while it is absent. */
  readonly packBytes: number;
  /** As last seen. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** What is on one file system fills up, and fails, together. Undefined where the disk is not there, or does not say. */
  readonly fileSystem: string | undefined;
}

export interface RepairFacts {
  /**
   * - `idle`: everything has what it should have;
   * - `delayed`: a volume is absent, and may come back before it is worth while: what it has is not counted as missing;
   * - `running`, `paused`: there is a backlog, or it is not known yet;
   * - `waiting`: what is left cannot be repaired now. It is tried again when a volume has changed, and every minute where
   *   that may help.
   */
  readonly state: "idle" | "delayed" | "running" | "paused" | "waiting";
  /** When `delayed` ends, ms since 1970. */
  readonly delayedUntilMs: number | undefined;
  /** Chunks and manifests that lack records, as far as the last walk has counted them, and their bytes. */
  readonly backlogCount: number;
  readonly backlogBytes: number;
  /** Of those, what the next lost volume may take with it. */
  readonly atRiskBytes: number;
  /** Of those, as many for which too few records are there: nothing can be done before a volume returns, or they are put again. */
  readonly lostCount: number;
  /** Since the node started. */
  readonly repairedCount: number;
  readonly repairedBytes: number;
  readonly failedCount: number;
  /** Of the backlog, in the last minute of work; 0 before that, and while it is not `running`. */
  readonly bytesPerSecond: number;
  /** For what of the backlog can be repaired now. Undefined while nothing can be said. */
  readonly etaMs: number | undefined;
}

/** `now` also where a volume is still waited for. */
export type RepairAction = "now" | "pause" | "resume";

export interface ForgetVolume {
  /** The id of one that is left out. */
  readonly volume: string;
  /** Also where it may hold what nothing else does. */
  readonly mayLose: boolean;
}

/** The store has, or has still, no such volume. Final. */
export interface VolumeUnknown extends Failure<"storage.volume-unknown"> {
  readonly volume: string;
}

/** A directory of the configuration is the volume's. Take it out, and start the node anew. */
export interface VolumeInUse extends Failure<"storage.volume-in-use"> {
  readonly volume: string;
}

/** Without it not everything has what it should have, as far as is known. Wait for repair; what is lost then is lost with it. */
export interface VolumeNeeded extends Failure<"storage.volume-needed"> {
  readonly volume: string;
  /** False where nothing is known to be on it: what it holds may be known only there. */
  readonly isKnown: boolean;
  /** Chunks and manifests that repair has still to do, and of those what it has too little of. */
  readonly backlogCount: number;
  readonly lostCount: number;
}
