/**
 * A name in the hands of its owner, whose devices keep the rule for signers (`specs/formats/names.md`): one signs at a time, and
 * nothing else while the fate of what was signed last is open. A contested one has a device that does not keep it.
 */

import { type Digest, digestFromBytes } from "#actors/domain/address.ts";
import type { NameValue } from "#actors/domain/name.ts";
import { isExpired, type NameRecord, type NameStatement } from "#actors/domain/name-record.ts";
import type { Begun } from "#chaos/checkers/history-recorder.ts";
import type { NameAsked, NameFact } from "#chaos/checkers/name-model.ts";
import { labelOf, signedRecord, type TestSigner } from "#test/kit/names.ts";

/** Where a record leads, and until when. */
export interface Aim {
  readonly value: NameValue;
  readonly exp: number | undefined;
}

/** No record has this digest. */
const NO_RECORD: Digest = digestFromBytes(new Uint8Array(32));
/** More than a name has records: one that is so far ahead contradicts none of them. */
const AHEAD = 1_000_000;

export class OwnedName {
  readonly label: string;
  /** The path of the name at a node. */
  readonly target: string;
  readonly isContested: boolean;
  /** By digest, in the order of signing. */
  readonly signed: Map<string, NameRecord> = new Map();
  /** Answered as set. Who sends another one again, which a node may have refused, does not keep the rule. */
  readonly acknowledged: Set<NameRecord> = new Set();
  /** When each set was sent, ms. */
  readonly sentAtMs: Map<Begun<NameAsked>, number> = new Map();
  /** Signed last by who keeps the rule. */
  latest: NameRecord | undefined;
  /** The same, while its fate is open. */
  unanswered: NameRecord | undefined;
  isSigning = false;
  /** Operations since it froze; undefined while it has not. */
  afterFreeze: number | undefined;
  operationCount = 0;
  readonly #signer: TestSigner;

  constructor(signer: TestSigner, label: string, isContested: boolean) {
    this.label = label;
    this.target = `/n/${signer.publicKey}/${label}`;
    this.isContested = isContested;
    this.#signer = signer;
  }

  /** Follows on `before`; undefined: the first one. */
  signAfter(before: NameRecord | undefined, aim: Aim): NameRecord {
    this.latest = this.#sign({ seq: (before?.seq ?? 0) + 1, prev: before?.digest, ...aim });
    return this.latest;
  }

  /** Contradicts `record`, if it leads elsewhere. */
  signAgainst({ seq, prev }: NameRecord, aim: Aim): NameRecord {
    return this.#sign({ seq, prev, ...aim });
  }

  /** In the place of what follows on `before`, and follows on what is not there. */
  signAstray({ seq }: NameRecord, aim: Aim): NameRecord {
    return this.#sign({ seq: seq + 1, prev: NO_RECORD, ...aim });
  }

  /** Follows on what never will be there, so that no node takes it, or may show it. */
  signAhead(before: NameRecord, aim: Aim): NameRecord {
    return this.#make({ seq: before.seq + AHEAD, prev: before.digest, ...aim });
  }

  #sign(wanted: Partial<NameStatement>): NameRecord {
    const record = this.#make(wanted);
    this.signed.set(record.digest, record);
    return record;
  }

  #make(wanted: Partial<NameStatement>): NameRecord {
    return signedRecord(this.#signer, { label: labelOf(this.label), ...wanted });
  }
}

/** Whether it has expired is the same for ever: it has from the beginning, or never does. */
export function factOf(record: NameRecord, wallMs: number): NameFact {
  const { digest, seq, prev } = record;
  return { digest, seq, prev, isExpired: isExpired(record, wallMs) };
}
