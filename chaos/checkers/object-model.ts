/**
 * What a node promises of one object, to those who put, read, remove, restore, hold and let go of it one after another (STO-20,
 * STO-21, STO-24, OVL-15, OVL-21, GW-70). Requests that are answered are linearizable, object by object.
 *
 * What nobody holds is removed by a collection, and what was removed is given up by one that empties the trash: nobody is told
 * when. So a state says what the object may be. Times that are asked for are over at once, or never: which of them a workload asks
 * for it says itself.
 */
import type { Outcome } from "#chaos/checkers/operation.ts";
import type { SequentialModel } from "#chaos/checkers/sequential-model.ts";

export type ObjectAsked =
  /** It is to be held until somebody lets go of it, or for a time that is over at once. */
  | { readonly kind: "put" | "pin"; readonly isShort: boolean }
  | { readonly kind: "read" | "unpin" | "remove" | "restore" };

/** It was done, or read whole; or there is nothing to do it to. */
export type ObjectAnswer = "done" | "absent";

/** `loose`: there, and held by nobody. `gone`: not there, and nothing can be restored. */
const FATES = ["held", "loose", "removed", "gone"] as const;
type ObjectFate = (typeof FATES)[number];

/** What it may be, in the order of the fates. */
export type ObjectState = readonly ObjectFate[];

export type ObjectModel = SequentialModel<ObjectState, ObjectAsked, ObjectAnswer>;

/** What becomes of an object that is asked for, by what it was; where nothing is said, it cannot be answered so. */
type Rule = Readonly<Partial<Record<ObjectFate, ObjectFate>>>;

const DONE: Readonly<Record<Exclude<ObjectAsked["kind"], "put" | "pin">, Rule>> = {
  read: { held: "held", loose: "loose" },
  unpin: { held: "loose", loose: "loose" },
  // Who removes what was removed begins the time anew in which it can be restored, where it is found yet.
  remove: { held: "removed", loose: "removed", removed: "removed" },
  // What was put again since it was removed can be restored all the same, and is held then.
  restore: { held: "held", loose: "held", removed: "held" },
};
const PUT: Rule = { held: "held", loose: "held", removed: "held", gone: "held" };
const PUT_SHORT: Rule = { held: "held", loose: "loose", removed: "loose", gone: "loose" };
const PIN: Rule = { held: "held", loose: "held" };
const PIN_SHORT: Rule = { held: "held", loose: "loose" };

const NOT_FOUND: Rule = { removed: "removed", gone: "gone" };
const NOTHING_TO_RESTORE: Rule = { held: "held", loose: "loose", gone: "gone" };

/** With `emptiesTrash` what was removed may be given up at any time. */
export function objectModel({ emptiesTrash }: { readonly emptiesTrash: boolean }): ObjectModel {
  const settled = (fates: ReadonlySet<ObjectFate>): ObjectState => {
    const all = new Set(fates);
    if (all.has("loose")) all.add("removed");
    if (emptiesTrash && all.has("removed")) all.add("gone");
    return FATES.filter((fate) => all.has(fate));
  };
  return {
    initial: ["gone"],
    step: (state, asked, outcome) => {
      const rule = outcome.kind === "ok" && outcome.answer === "absent" ? absent(asked) : done(asked);
      const fates = state.map((fate) => rule?.[fate]).filter((fate) => fate !== undefined);
      if (fates.length === 0) return undefined;
      const after = settled(new Set(fates));
      // Without an effect there is nothing to explain.
      return outcome.kind === "unknown" && keyOf(after) === keyOf(state) ? undefined : after;
    },
    // What is read rules out what the object might have been, so its place matters.
    isRead: ({ kind }, outcome) => kind === "read" && outcome.kind === "unknown",
    keyOf,
    tell: (asked, outcome) => `${tellAsked(asked)} → ${tellOutcome(outcome)}`,
    tellState: (state) => state.join(" or "),
  };
}

function done(asked: ObjectAsked): Rule {
  if (asked.kind === "put") return asked.isShort ? PUT_SHORT : PUT;
  if (asked.kind === "pin") return asked.isShort ? PIN_SHORT : PIN;
  return DONE[asked.kind];
}

/** Nobody is told that there is nothing to put. */
function absent({ kind }: ObjectAsked): Rule | undefined {
  if (kind === "put") return undefined;
  return kind === "restore" ? NOTHING_TO_RESTORE : NOT_FOUND;
}

function keyOf(state: ObjectState): string {
  return state.join();
}

function tellAsked(asked: ObjectAsked): string {
  return "isShort" in asked && asked.isShort ? `${asked.kind} for a moment` : asked.kind;
}

function tellOutcome(outcome: Outcome<ObjectAnswer>): string {
  return outcome.kind === "ok" ? outcome.answer : outcome.kind;
}
