/** An object that is put to be removed, restored, held and let go of, by several at once. */
import type { Begun } from "#chaos/checkers/history-recorder.ts";
import type { ObjectAsked } from "#chaos/checkers/object-model.ts";
import type { WorkObject } from "#chaos/workload/objects.ts";

/** Operations of one object before another takes its place. */
const OPERATIONS_MAX = 60;
/** The same where so many of them are unknown: each may yet take effect, which makes a history slow to check. */
const UNKNOWN_MAX = 10;

export class Removable {
  readonly object: WorkObject;
  /** It is cut in one way only, so that all of it is by its root what it is by its address. */
  readonly isCutOnce: boolean;
  /** Of its manifest, where that was told. */
  root: string | undefined;
  /** Operations that were begun. */
  operationCount = 0;
  readonly unknown: Set<Begun<ObjectAsked>> = new Set();

  constructor(object: WorkObject, isCutOnce: boolean) {
    this.object = object;
    this.isCutOnce = isCutOnce;
  }

  get isUsedUp(): boolean {
    return this.operationCount >= OPERATIONS_MAX || this.unknown.size >= UNKNOWN_MAX;
  }
}
