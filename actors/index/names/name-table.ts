/**
 * All names, as the entries of their journal say one after another. A record that is not durable is not in it.
 *
 * Invariants:
 * - the records of a name follow on each other without a gap, the last one is the current one;
 * - there are at most `NAME_HISTORY_MAX` of a name, and `NAME_RECORDS_MAX` of all beside the current ones: the one that
 *   was replaced first goes first. So what is left of a name is always the end of its chain;
 * - a name with evidence is frozen: nothing is added to it any more.
 */
import { fullName, type Name, type PublicKey } from "#actors/domain/name.ts";
import type { NameRecord } from "#actors/domain/name-record.ts";
import { decodeNameEntry, encodeNameEntry } from "#actors/index/names/name-entry.ts";
import type { Evidence, NameState } from "#actors/index/protocol.ts";
import { assert } from "#runtime/errors.ts";

/** Records of one name, the current one among them. */
export const NAME_HISTORY_MAX = 64;
/** Records of all names that others have replaced. A record takes about 1 KiB of memory. */
export const NAME_RECORDS_MAX = 32_768;

export interface NameLimits {
  readonly historyMax: number;
  readonly recordsMax: number;
}

/** What is to become of a record that somebody brings. */
export type Verdict =
  | { readonly kind: "next" | "known" }
  | { readonly kind: "not-next"; readonly current: NameRecord | undefined }
  | { readonly kind: "frozen"; readonly evidence: Evidence }
  /** Two records that contradict each other, which nobody knew of. */
  | { readonly kind: "equivocation"; readonly evidence: Evidence };

interface Held {
  readonly records: NameRecord[];
  evidence: Evidence | undefined;
}

export class NameTable {
  readonly #limits: NameLimits;
  /** By key, then by label: the names of a key are listed together. */
  readonly #names = new Map<PublicKey, Map<string, Held>>();
  /** Records that were replaced, in that order. */
  readonly #replaced = new Set<NameRecord>();
  #nameCount = 0;
  #frozenCount = 0;

  constructor(limits: NameLimits) {
    this.#limits = limits;
  }

  get nameCount(): number {
    return this.#nameCount;
  }

  /** Of names that are frozen. */
  get frozenCount(): number {
    return this.#frozenCount;
  }

  get recordCount(): number {
    return this.#nameCount + this.#replaced.size;
  }

  get(name: Name): NameState | undefined {
    const held = this.#find(name);
    return held === undefined ? undefined : stateOf(held);
  }

  /** Of the names of a key those behind `after`, in the order of their labels. */
  listOf(publicKey: PublicKey, after: string, limit: number): readonly NameState[] {
    const labels = this.#names.get(publicKey) ?? new Map<string, Held>();
    const listed = [...labels.keys()].filter((label) => label > after).sort();
    return listed
      .slice(0, limit)
      .flatMap((label) => labels.get(label) ?? [])
      .map(stateOf);
  }

  judge(record: NameRecord): Verdict {
    const held = this.#find(record);
    const evidence = held?.evidence;
    if (evidence !== undefined) return { kind: "frozen", evidence };
    const current = held?.records.at(-1);
    if (current?.digest === record.digest) return { kind: "known" };
    const rival = held?.records.find(({ seq }) => seq === record.seq);
    const isOther = rival !== undefined && rival.digest !== record.digest;
    if (isOther) return { kind: "equivocation", evidence: [rival, record] };
    const follows = record.seq === (current?.seq ?? 0) + 1 && record.prev === current?.digest;
    return follows ? { kind: "next" } : { kind: "not-next", current };
  }

  apply(bytes: Uint8Array): void {
    const entry = decodeNameEntry(bytes);
    assert(entry !== undefined, "an entry of the journal of names is of this version");
    if (entry.kind === "record") this.#add(entry.record);
    else this.#freeze(entry.evidence);
  }

  *snapshot(): Generator<Uint8Array> {
    for (const labels of this.#names.values()) {
      for (const { records, evidence } of labels.values()) {
        for (const record of records) yield encodeNameEntry({ kind: "record", record });
        if (evidence !== undefined) yield encodeNameEntry({ kind: "evidence", evidence });
      }
    }
  }

  #find({ publicKey, label }: Name): Held | undefined {
    return this.#names.get(publicKey)?.get(label);
  }

  #add(record: NameRecord): void {
    const held = this.#find(record);
    if (held === undefined) {
      const labels = this.#names.get(record.publicKey) ?? new Map<string, Held>();
      labels.set(record.label, { records: [record], evidence: undefined });
      this.#names.set(record.publicKey, labels);
      this.#nameCount += 1;
      return;
    }
    const current = held.records.at(-1);
    assert(current !== undefined && record.prev === current.digest, "a record follows on the one before it");
    this.#replaced.add(current);
    held.records.push(record);
    if (held.records.length > this.#limits.historyMax) this.#forgetFirst(held);
    const [first] = this.#replaced;
    if (first === undefined || this.#replaced.size <= this.#limits.recordsMax) return;
    const longest = this.#find(first);
    assert(longest !== undefined, `${fullName(first)} has the records that it replaced`);
    this.#forgetFirst(longest);
  }

  #forgetFirst({ records }: Held): void {
    const first = records.shift();
    if (first !== undefined) this.#replaced.delete(first);
  }

  #freeze(evidence: Evidence): void {
    const held = this.#find(evidence[0]);
    assert(held !== undefined, `${fullName(evidence[0])} is there before it is frozen`);
    if (held.evidence === undefined) this.#frozenCount += 1;
    held.evidence = evidence;
  }
}

function stateOf({ records, evidence }: Held): NameState {
  return { history: [...records], evidence };
}
