/** How collections of garbage go, as storage tells it and everybody above passes it on. */

export interface CollectionFacts {
  readonly phase: "idle" | "marking" | "compacting";
  /** How the last one ended. */
  readonly last: CollectionReport | undefined;
}

export interface CollectionReport {
  readonly endedAtMs: number;
  readonly elapsedMs: number;
  /** Why it gave nothing up, or not all that it could have. */
  readonly blocked: string | undefined;
  /** In packs, headers and all: held by a live object, and not. Undefined where it was blocked: it has not looked at all of them. */
  readonly liveBytes: number | undefined;
  readonly garbageBytes: number | undefined;
  /** Objects that nobody held, now in the trash; and objects whose time there was over. */
  readonly removedCount: number;
  readonly buriedCount: number;
  readonly packsCompacted: number;
  readonly freedBytes: number;
}
