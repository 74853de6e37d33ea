/**
 * What a node promises of one name, to those who use it one after another (`specs/formats/names.md`; IDX-8, IDX-9, IDX-10,
 * OVL-18, GW-90, GW-92). All that is done to a name is linearizable (IDX-20), so all of it is here: sets, and reads of where it
 * leads, of its history and of its entry in a list. A list is not one moment for all its names: each is looked at by itself.
 *
 * Not modelled, because no workload comes near: `NAMES_MAX` and `NAME_RECORDS_MAX`, which all names share; and expiry by the
 * clock: a record has expired from the beginning, or never does.
 */

import { NAME_HISTORY_MAX } from "#actors/index/names/name-table.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import type { Placed, SequentialModel } from "#chaos/checkers/sequential-model.ts";
import { unreachable } from "#runtime/errors.ts";

/** What of a record matters here. Its digest names it. */
export interface NameFact {
  readonly digest: string;
  readonly seq: number;
  readonly prev: string | undefined;
  readonly isExpired: boolean;
}

export type NameAsked =
  /** Where does it lead? Also whether it still leads to what is known already. */
  | { readonly kind: "resolve" }
  | { readonly kind: "history" }
  /** Its entry in the list of the names of its key. */
  | { readonly kind: "list" }
  | { readonly kind: "set"; readonly record: NameFact };

/** Records by their digests. */
export type NameAnswer =
  | { readonly kind: "nothing" | "set" }
  | { readonly kind: "leads" | "expired"; readonly digest: string }
  | { readonly kind: "history"; readonly digests: readonly string[]; readonly evidence: NameEvidence | undefined }
  | { readonly kind: "listed"; readonly digest: string; readonly isFrozen: boolean }
  | { readonly kind: "conflict"; readonly current: string | undefined }
  | { readonly kind: "frozen"; readonly evidence: NameEvidence };

/** The record that was known and the one that contradicts it. */
export type NameEvidence = readonly [string, string];

export interface NameModelState {
  /** Those that are kept, each following on the one before; the last one is the current one. */
  readonly records: readonly NameFact[];
  readonly evidence: NameEvidence | undefined;
}

export type NameModel = SequentialModel<NameModelState, NameAsked, NameAnswer>;

/** `historyMax` records of a name are kept. */
export function nameModel({ historyMax = NAME_HISTORY_MAX }: { readonly historyMax?: number } = {}): NameModel {
  return {
    initial: { records: [], evidence: undefined },
    step: (state, asked, outcome) => {
      if (asked.kind === "set") return stepOfSet(state, asked.record, outcome, historyMax);
      return outcome.kind === "unknown" || isSeen(state, asked, outcome.answer) ? state : undefined;
    },
    isRead: ({ kind }, outcome) => kind !== "set" || (outcome.kind === "ok" && outcome.answer.kind === "conflict"),
    // Each record names the one before it, so the last one stands for all.
    keyOf: ({ records, evidence }) => `${records.at(-1)?.digest ?? ""} ${evidence?.join() ?? ""}`,
    tell: (asked, outcome) => `${tellAsked(asked)} → ${tellOutcome(outcome)}`,
    tellState: ({ records, evidence }) => {
      const current = records.at(-1);
      const where = current === undefined ? "nothing" : tellRecord(current);
      return evidence === undefined ? where : `frozen at ${where} by ${tellEvidence(evidence)}`;
    },
  };
}

/** What becomes of a record, as a node decides it. */
type Fate = "next" | "known" | "conflict" | "frozen" | NameEvidence;

function fateOf({ records, evidence }: NameModelState, record: NameFact): Fate {
  if (evidence !== undefined) return "frozen";
  const current = records.at(-1);
  if (current?.digest === record.digest) return "known";
  const rival = records.find(({ seq }) => seq === record.seq);
  if (rival !== undefined && rival.digest !== record.digest) return [rival.digest, record.digest];
  return record.seq === (current?.seq ?? 0) + 1 && record.prev === current?.digest ? "next" : "conflict";
}

function stepOfSet(
  state: NameModelState,
  record: NameFact,
  outcome: Placed<NameAnswer>,
  historyMax: number,
): NameModelState | undefined {
  const fate = fateOf(state, record);
  const after = afterFate(state, record, fate, historyMax);
  // Without an effect there is nothing to explain.
  if (outcome.kind === "unknown") return after === state ? undefined : after;
  return isAnswerTo(fate, after, outcome.answer) ? after : undefined;
}

function afterFate(state: NameModelState, record: NameFact, fate: Fate, historyMax: number): NameModelState {
  if (fate === "next") return { records: [...state.records, record].slice(-historyMax), evidence: undefined };
  return typeof fate === "string" ? state : { ...state, evidence: fate };
}

function isAnswerTo(fate: Fate, { records, evidence }: NameModelState, answer: NameAnswer): boolean {
  switch (answer.kind) {
    case "set":
      return fate === "next" || fate === "known";
    case "conflict":
      return fate === "conflict" && answer.current === records.at(-1)?.digest;
    case "frozen":
      return isSame(evidence, answer.evidence);
    default:
      return false;
  }
}

/** Whether a read can be answered so. */
function isSeen({ records, evidence }: NameModelState, asked: NameAsked, answer: NameAnswer): boolean {
  const current = records.at(-1);
  switch (answer.kind) {
    case "nothing":
      return current === undefined;
    case "leads":
    case "expired":
      return (
        asked.kind === "resolve" &&
        evidence === undefined &&
        current?.digest === answer.digest &&
        current.isExpired === (answer.kind === "expired")
      );
    case "frozen":
      return asked.kind === "resolve" && isSame(evidence, answer.evidence);
    case "history":
      return (
        asked.kind === "history" &&
        records.length === answer.digests.length &&
        records.every(({ digest }, at) => digest === answer.digests[at]) &&
        isSame(evidence, answer.evidence)
      );
    case "listed":
      return asked.kind === "list" && current?.digest === answer.digest && answer.isFrozen === (evidence !== undefined);
    case "set":
    case "conflict":
      return false;
    default:
      return unreachable(answer);
  }
}

function isSame(one: NameEvidence | undefined, other: NameEvidence | undefined): boolean {
  return one?.[0] === other?.[0] && one?.[1] === other?.[1];
}

/** Enough of a digest to find it again. */
const DIGEST_TOLD_LENGTH = 8;

function tellAsked(asked: NameAsked): string {
  return asked.kind === "set" ? `set ${tellRecord(asked.record)}` : asked.kind;
}

function tellRecord({ seq, digest, prev }: NameFact): string {
  return `${seq}:${short(digest)}${prev === undefined ? "" : ` after ${short(prev)}`}`;
}

function tellOutcome(outcome: Outcome<NameAnswer>): string {
  if (outcome.kind !== "ok") return outcome.kind;
  const { answer } = outcome;
  switch (answer.kind) {
    case "leads":
    case "expired":
      return `${answer.kind} ${short(answer.digest)}`;
    case "history":
      return `${answer.digests.length} records up to ${short(answer.digests.at(-1))}${tellFreeze(answer.evidence)}`;
    case "listed":
      return `${short(answer.digest)}${answer.isFrozen ? ", frozen" : ""}`;
    case "conflict":
      return `conflict with ${short(answer.current)}`;
    case "frozen":
      return `frozen by ${tellEvidence(answer.evidence)}`;
    default:
      return answer.kind;
  }
}

function tellFreeze(evidence: NameEvidence | undefined): string {
  return evidence === undefined ? "" : `, frozen by ${tellEvidence(evidence)}`;
}

function tellEvidence([known, rival]: NameEvidence): string {
  return `${short(known)} and ${short(rival)}`;
}

function short(digest: string | undefined): string {
  return digest?.slice(0, DIGEST_TOLD_LENGTH) ?? "nothing";
}
