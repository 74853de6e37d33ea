/**
 * Clients who set and resolve a few names of one owner, and what each of them was told, written down for the checker of
 * linearizability.
 *
 * Their owner keeps the rule for signers, on several devices, so no name that is not contested may ever freeze. Contested ones
 * have a device that signs what contradicts. Others send again what was signed once, read in every form, and some give up
 * before they are answered. Records are all different, which is what makes a history quick to check. A name is used for so
 * many operations, or until it has been frozen for a while, and then another one takes its place.
 */
import { type NameValue, parseNameValue } from "#actors/domain/name.ts";
import { HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import type { NameAnswer, NameAsked } from "#chaos/checkers/name-model.ts";
import { bodyOf, NameRequests } from "#chaos/workload/name-requests.ts";
import type { NamesPort } from "#chaos/workload/names-port.ts";
import { type Aim, OwnedName } from "#chaos/workload/owned-name.ts";
import { assert } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { signerOf } from "#test/kit/names.ts";

/** Names in use at a time. */
export const NAMES_IN_USE = 3;
/** Operations of one name before another takes its place. */
export const NAME_OPERATIONS_MAX = 120;
/** Operations of a frozen name before another takes its place. */
export const FROZEN_OPERATIONS_MAX = 12;
/** Clients at work at a time: more make a history slow to check. */
export const NAME_CLIENTS_MAX = 10;

const OBJECTS = 4;
const OBJECT_BYTES = 200;
/** Of so many names one is contested, and of its sets so many contradict. */
const CONTESTED_ONE_IN = 3;
const RIVAL_ONE_IN = 6;
/** Of so many records one has expired, and leads to what is not there. */
const EXPIRED_ONE_IN = 8;

export class NamesWorkload {
  readonly recorder: HistoryRecorder<NameAsked, NameAnswer> = new HistoryRecorder();
  /** Answers, by what they were. */
  readonly tally: Record<string, number> = {};
  readonly #port: NamesPort;
  readonly #requests: NameRequests;
  readonly #signer = signerOf(7);
  readonly #values: NameValue[] = [];
  /** Every name there ever was. */
  readonly #all: OwnedName[] = [];
  readonly #inUse: OwnedName[] = [];

  constructor(port: NamesPort) {
    this.#port = port;
    this.#requests = new NameRequests({ port, recorder: this.recorder, count: (what) => this.#count(what) });
    while (this.#inUse.length < NAMES_IN_USE) this.#inUse.push(this.#newName());
  }

  /** Names that froze, though their owner has kept the rule: there are none (IDX-8). */
  get frozenForNothing(): readonly string[] {
    const froze = this.#all.filter(({ afterFreeze, isContested }) => afterFreeze !== undefined && !isContested);
    return froze.map(({ label }) => label);
  }

  /** Puts what names are to lead to. The node is to be ready. */
  async prepare(): Promise<void> {
    const { random } = this.#port;
    while (this.#values.length < OBJECTS) {
      const bytes = random.bytes(OBJECT_BYTES);
      const answer = await this.#port.request({ method: "PUT", target: "/put", ...bodyOf(bytes) });
      assert(answer?.status === 201 || answer?.status === 200, `an object is put: ${answer?.status}`);
      this.#values.push(valueFor(digestOf(bytes)));
    }
  }

  /** One operation of any kind, or the few of an update. */
  async act(client: string): Promise<void> {
    const { random } = this.#port;
    const name = this.#pick();
    switch (random.below(12)) {
      case 0:
        return await this.#again(client, name);
      case 1:
      case 2:
        await this.#requests.history(client, name);
        return;
      case 3:
        return await this.#requests.list(client, this.#inUse);
      case 4:
      case 5:
      case 6:
      case 7:
        return await this.#lead(client, name);
      default:
        await this.#requests.resolve(client, name);
    }
  }

  /** Every name there ever was is looked at in every way, and nobody gives up. */
  async lookAtAll(client: string): Promise<void> {
    this.#requests.isPatient = true;
    for (const name of this.#all) {
      await this.#requests.resolve(client, name);
      await this.#requests.history(client, name);
    }
    await this.#requests.list(client, this.#inUse);
  }

  /** The process that was asked is gone: nothing that it was asked is done any more. */
  endOfLife(): void {
    this.recorder.settle(() => true);
  }

  /** One that is in use; another one in the place of one that was used enough. */
  #pick(): OwnedName {
    const at = this.#port.random.below(NAMES_IN_USE);
    const name = this.#inUse[at];
    assert(name !== undefined, "there are always so many names in use");
    const { operationCount, afterFreeze = 0 } = name;
    if (operationCount < NAME_OPERATIONS_MAX && afterFreeze < FROZEN_OPERATIONS_MAX) return name;
    const next = this.#newName();
    this.#inUse[at] = next;
    return next;
  }

  #newName(): OwnedName {
    const isContested = this.#port.random.below(CONTESTED_ONE_IN) === 0;
    const name = new OwnedName(this.#signer, `name-${this.#all.length + 1}`, isContested);
    this.#all.push(name);
    return name;
  }

  /** Leads the name elsewhere, as the rule has it; on a contested one now and then against the rule. */
  async #lead(client: string, name: OwnedName): Promise<void> {
    if (name.isContested && this.#port.random.below(RIVAL_ONE_IN) === 0) return await this.#breakRule(client, name);
    if (name.isSigning) return await this.#again(client, name);
    name.isSigning = true;
    await this.#update(client, name);
    name.isSigning = false;
  }

  /** Contradicts the latest record or an older one, or follows on what is not the one before. */
  async #breakRule(client: string, name: OwnedName): Promise<void> {
    const { random } = this.#port;
    const { latest } = name;
    if (latest === undefined) return;
    this.#count("rival");
    const signed = [...name.signed.values()];
    const older = signed[random.below(signed.length)] ?? latest;
    switch (random.below(4)) {
      case 0:
        await this.#requests.set(client, name, name.signAgainst(older, this.#aim(older.value)));
        break;
      case 1:
        await this.#requests.set(client, name, name.signAstray(latest, this.#aim(undefined)));
        break;
      default:
        await this.#requests.set(client, name, name.signAgainst(latest, this.#aim(latest.value)));
    }
  }

  async #update(client: string, name: OwnedName): Promise<void> {
    const outcome = await this.#requests.history(client, name);
    if (outcome.kind !== "ok") return;
    const { answer } = outcome;
    if (answer.kind === "history" && answer.evidence !== undefined) return;
    let current = answer.kind === "history" ? name.signed.get(answer.digests.at(-1) ?? "") : undefined;
    const { unanswered: last } = name;
    if (last !== undefined) {
      const isAhead = last.seq === (current?.seq ?? 0) + 1 && last.prev === current?.digest;
      if (isAhead) {
        this.#count("sent again");
        const sent = await this.#requests.set(client, name, last);
        if (sent.kind !== "ok" || sent.answer.kind !== "set") return;
        current = last;
      }
      name.unanswered = undefined;
    }
    const record = name.signAfter(current, this.#aim(current?.value));
    name.unanswered = record;
    const set = await this.#requests.set(client, name, record);
    if (set.kind !== "unknown") name.unanswered = undefined;
  }

  /** What was set once, old or new, or what follows on nothing; of a contested name anything that was signed. */
  async #again(client: string, name: OwnedName): Promise<void> {
    const { random } = this.#port;
    const { latest } = name;
    const known = name.isContested ? [...name.signed.values()] : [...name.acknowledged];
    const record = known[random.below(Math.max(1, known.length))];
    if (latest === undefined || record === undefined) {
      await this.#requests.resolve(client, name);
      return;
    }
    const isAhead = random.below(4) === 0;
    await this.#requests.set(client, name, isAhead ? name.signAhead(latest, this.#aim(undefined)) : record);
  }

  /** Leads elsewhere than `other`. */
  #aim(other: NameValue | undefined): Aim {
    const { random } = this.#port;
    if (random.below(EXPIRED_ONE_IN) === 0) return { value: valueFor(random.bytes(32)), exp: 1 };
    const values = this.#values.filter((value) => value !== other);
    const value = values[random.below(values.length)];
    assert(value !== undefined, "there is something to lead to");
    return { value, exp: undefined };
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}

function valueFor(digest: Uint8Array): NameValue {
  const value = parseNameValue(`b3:${Buffer.from(digest).toString("hex")}`);
  assert(value !== undefined, "32 bytes make an address");
  return value;
}
