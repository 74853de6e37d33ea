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
import type { NameRecord } from "#actors/domain/name-record.ts";
import { type Begun, HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import type { NameAnswer, NameAsked } from "#chaos/checkers/name-model.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import { outcomeOfHistory, outcomeOfList, outcomeOfResolve, outcomeOfSet } from "#chaos/workload/name-answers.ts";
import type { NamesPort, PortAnswer, PortRequest } from "#chaos/workload/names-port.ts";
import { type Aim, factOf, OwnedName } from "#chaos/workload/owned-name.ts";
import { assert } from "#runtime/errors.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import { sourceOver } from "#test/kit/byte-source.ts";
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
/** Of so many requests one is given up, after at most so long, ms. */
const GIVEN_UP_ONE_IN = 12;
const PATIENCE_MS_MAX = 40;
/** Of so many records one has expired, and leads to what is not there. */
const EXPIRED_ONE_IN = 8;
const DAG_CBOR = "application/vnd.ipld.dag-cbor";

type NameOutcome = Outcome<NameAnswer>;

export class NamesWorkload {
  readonly recorder: HistoryRecorder<NameAsked, NameAnswer> = new HistoryRecorder();
  /** Answers, by what they were. */
  readonly tally: Record<string, number> = {};
  readonly #port: NamesPort;
  readonly #signer = signerOf(7);
  readonly #values: NameValue[] = [];
  /** Every name there ever was. */
  readonly #all: OwnedName[] = [];
  readonly #inUse: OwnedName[] = [];
  readonly #frozenForNothing = new Set<string>();
  #isPatient = false;

  constructor(port: NamesPort) {
    this.#port = port;
    while (this.#inUse.length < NAMES_IN_USE) this.#inUse.push(this.#newName());
  }

  /** Names that froze, though their owner has kept the rule: there are none (IDX-8). */
  get frozenForNothing(): readonly string[] {
    return [...this.#frozenForNothing];
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
    const name = this.#inUse[random.below(NAMES_IN_USE)];
    assert(name !== undefined, "there are always so many names in use");
    switch (random.below(12)) {
      case 0:
        return await this.#again(client, name);
      case 1:
      case 2:
        await this.#history(client, name);
        return;
      case 3:
        return await this.#list(client);
      case 4:
      case 5:
      case 6:
      case 7:
        return await this.#lead(client, name);
      default:
        await this.#resolve(client, name);
    }
  }

  /** Every name there ever was is looked at in every way, and nobody gives up. */
  async lookAtAll(client: string): Promise<void> {
    this.#isPatient = true;
    for (const name of this.#all) {
      await this.#resolve(client, name);
      await this.#history(client, name);
    }
    await this.#list(client);
  }

  /** The process that was asked is gone: nothing that it was asked is done any more. */
  endOfLife(): void {
    this.recorder.settle(() => true);
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
        await this.#set(client, name, name.signAgainst(older, this.#aim(older.value)));
        break;
      case 1:
        await this.#set(client, name, name.signAstray(latest, this.#aim(undefined)));
        break;
      default:
        await this.#set(client, name, name.signAgainst(latest, this.#aim(latest.value)));
    }
  }

  async #update(client: string, name: OwnedName): Promise<void> {
    const outcome = await this.#history(client, name);
    if (outcome.kind !== "ok") return;
    const { answer } = outcome;
    if (answer.kind === "history" && answer.evidence !== undefined) return;
    let current = answer.kind === "history" ? name.signed.get(answer.digests.at(-1) ?? "") : undefined;
    const { unanswered: last } = name;
    if (last !== undefined) {
      const isAhead = last.seq === (current?.seq ?? 0) + 1 && last.prev === current?.digest;
      if (isAhead) {
        this.#count("sent again");
        const sent = await this.#set(client, name, last);
        if (sent.kind !== "ok" || sent.answer.kind !== "set") return;
        current = last;
      }
      name.unanswered = undefined;
    }
    const record = name.signAfter(current, this.#aim(current?.value));
    name.unanswered = record;
    const set = await this.#set(client, name, record);
    if (set.kind !== "unknown") name.unanswered = undefined;
  }

  /** What was set once, old or new, or what follows on nothing; of a contested name anything that was signed. */
  async #again(client: string, name: OwnedName): Promise<void> {
    const { random } = this.#port;
    const { latest } = name;
    const known = name.isContested ? [...name.signed.values()] : [...name.acknowledged];
    const record = known[random.below(Math.max(1, known.length))];
    if (latest === undefined || record === undefined) {
      await this.#resolve(client, name);
      return;
    }
    const isAhead = random.below(4) === 0;
    await this.#set(client, name, isAhead ? name.signAhead(latest, this.#aim(undefined)) : record);
  }

  async #set(client: string, name: OwnedName, record: NameRecord): Promise<NameOutcome> {
    const { clock } = this.#port;
    const begun = this.#begin(client, name, { kind: "set", record: factOf(record, clock.wallMs()) });
    name.sentAtMs.set(begun, clock.nowMs());
    const answer = await this.#ask({ method: "PUT", target: name.target, ...bodyOf(record.bytes) });
    const outcome = this.#end(name, begun, outcomeOfSet(answer, name.signed));
    if (outcome.kind === "ok" && outcome.answer.kind === "set") name.acknowledged.add(record);
    return outcome;
  }

  /** As JSON, as bytes, or whether it has changed. */
  async #resolve(client: string, name: OwnedName): Promise<NameOutcome> {
    const { random } = this.#port;
    const known = random.below(3) === 0 ? name.latest?.digest : undefined;
    const isRaw = random.below(3) === 0;
    const headers = {
      ...(isRaw ? { accept: DAG_CBOR } : {}),
      ...(known === undefined ? {} : { "if-none-match": `"${known}${isRaw ? "" : ".json"}"` }),
    };
    const begun = this.#begin(client, name, { kind: "resolve" });
    const answer = await this.#ask({ target: name.target, headers });
    if (answer?.status === 304) this.#count("not changed");
    return this.#end(name, begun, outcomeOfResolve(answer, name.signed, known));
  }

  /** What was sent before is settled when the history is answered (OVL-27). */
  async #history(client: string, name: OwnedName): Promise<NameOutcome> {
    const { clock } = this.#port;
    const begun = this.#begin(client, name, { kind: "history" });
    const askedAtMs = clock.nowMs();
    const outcome = outcomeOfHistory(await this.#ask({ target: `${name.target}/history` }), name.signed);
    if (outcome.kind === "ok") {
      // What was sent in the same millisecond may be on its way through the gateway, which takes no time here.
      const { sentAtMs } = name;
      this.recorder.settle((other) => (sentAtMs.get(other) ?? Number.POSITIVE_INFINITY) < askedAtMs);
    }
    return this.#end(name, begun, outcome);
  }

  /** Of all names in use at once. */
  async #list(client: string): Promise<void> {
    const listed = this.#inUse.map((name) => ({ name, begun: this.#begin(client, name, { kind: "list" }) }));
    const answer = await this.#ask({ target: `/n/${this.#signer.publicKey}` });
    for (const { name, begun } of listed) this.#end(name, begun, outcomeOfList(answer, name.signed, name.label));
  }

  #begin(client: string, name: OwnedName, asked: NameAsked): Begun<NameAsked> {
    name.operationCount += 1;
    if (name.afterFreeze !== undefined) name.afterFreeze += 1;
    const isSpent = name.operationCount >= NAME_OPERATIONS_MAX || (name.afterFreeze ?? 0) >= FROZEN_OPERATIONS_MAX;
    const at = this.#inUse.indexOf(name);
    if (isSpent && at >= 0) this.#inUse[at] = this.#newName();
    return this.recorder.begin(client, name.label, asked);
  }

  #end(name: OwnedName, begun: Begun<NameAsked>, outcome: NameOutcome): NameOutcome {
    this.recorder.end(begun, outcome);
    this.#count(`${begun.asked.kind} ${outcome.kind === "ok" ? outcome.answer.kind : outcome.kind}`);
    if (outcome.kind === "ok" && outcome.answer.kind === "frozen") {
      if (!name.isContested) this.#frozenForNothing.add(name.label);
      name.afterFreeze ??= 0;
    }
    return outcome;
  }

  /** Some clients give up: one goes away, and tells the node so or does not. */
  async #ask(request: PortRequest): Promise<PortAnswer | undefined> {
    const { random, clock } = this.#port;
    const isCalm = this.#port.isCalm();
    if (this.#isPatient || random.below(GIVEN_UP_ONE_IN) > 0) {
      const answer = await this.#port.request(request);
      const isServed = answer?.complete === true && answer.status < 500 && answer.status !== 429;
      const isStillCalm = isCalm && this.#port.isCalm();
      assert(isServed || !isStillCalm, `${request.target} is served while nothing is wrong: ${answer?.status}`);
      return answer;
    }
    const leaving = new AbortController();
    const isTold = random.below(2) === 0;
    const left = Promise.withResolvers<undefined>();
    const timer = clock.after(random.below(PATIENCE_MS_MAX), () => {
      left.resolve(undefined);
      if (isTold) leaving.abort();
    });
    const answer = await Promise.race([this.#port.request({ ...request, signal: leaving.signal }), left.promise]);
    timer.cancel();
    if (answer === undefined) this.#count("given up");
    return answer;
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

function bodyOf(bytes: Uint8Array): Pick<PortRequest, "body" | "contentLength"> {
  const body = sourceOver(bytes, { pieceBytes: () => bytes.length, failure: { code: "gateway.body-truncated" } });
  return { body, contentLength: bytes.length };
}
