/**
 * Requests of clients for names, each written down for the checker: when it was sent, and what was answered. Some clients give
 * up before that, and tell the node so or do not.
 */
import type { NameRecord } from "#actors/domain/name-record.ts";
import type { Begun, HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import type { NameAnswer, NameAsked } from "#chaos/checkers/name-model.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import { outcomeOfHistory, outcomeOfList, outcomeOfResolve, outcomeOfSet } from "#chaos/workload/name-answers.ts";
import type { NamesPort } from "#chaos/workload/names-port.ts";
import { factOf, type OwnedName } from "#chaos/workload/owned-name.ts";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import { assert } from "#runtime/errors.ts";
import { sourceOver } from "#test/kit/byte-source.ts";

/** Of so many requests one is given up, after at most so long, ms. */
const GIVEN_UP_ONE_IN = 12;
const PATIENCE_MS_MAX = 40;
const DAG_CBOR = "application/vnd.ipld.dag-cbor";

export type NameOutcome = Outcome<NameAnswer>;

export interface NameRequestsOptions {
  readonly port: NamesPort;
  readonly recorder: HistoryRecorder<NameAsked, NameAnswer>;
  /** Hears what was answered, by its kind. */
  readonly count: (what: string) => void;
}

export class NameRequests {
  /** Nobody gives up any more. */
  isPatient = false;
  readonly #port: NamesPort;
  readonly #recorder: HistoryRecorder<NameAsked, NameAnswer>;
  readonly #count: (what: string) => void;

  constructor({ port, recorder, count }: NameRequestsOptions) {
    this.#port = port;
    this.#recorder = recorder;
    this.#count = count;
  }

  async set(client: string, name: OwnedName, record: NameRecord): Promise<NameOutcome> {
    const { clock } = this.#port;
    const begun = this.#begin(client, name, { kind: "set", record: factOf(record, clock.wallMs()) });
    name.sentAtMs.set(begun, clock.nowMs());
    const answer = await this.#ask(client, { method: "PUT", target: name.target, ...bodyOf(record.bytes) });
    const outcome = this.#end(name, begun, outcomeOfSet(answer, name.signed));
    if (outcome.kind === "ok" && outcome.answer.kind === "set") name.acknowledged.add(record);
    return outcome;
  }

  /** As JSON, as bytes, or whether it has changed. */
  async resolve(client: string, name: OwnedName): Promise<NameOutcome> {
    const { random } = this.#port;
    const known = random.below(3) === 0 ? name.latest?.digest : undefined;
    const isRaw = random.below(3) === 0;
    const headers = {
      ...(isRaw ? { accept: DAG_CBOR } : {}),
      ...(known === undefined ? {} : { "if-none-match": `"${known}${isRaw ? "" : ".json"}"` }),
    };
    const begun = this.#begin(client, name, { kind: "resolve" });
    const answer = await this.#ask(client, { target: name.target, headers });
    if (answer?.status === 304) this.#count("not changed");
    return this.#end(name, begun, outcomeOfResolve(answer, name.signed, known));
  }

  /** What was sent before is settled when the history is answered (OVL-27). */
  async history(client: string, name: OwnedName): Promise<NameOutcome> {
    const { clock } = this.#port;
    const begun = this.#begin(client, name, { kind: "history" });
    const askedAtMs = clock.nowMs();
    const outcome = outcomeOfHistory(await this.#ask(client, { target: `${name.target}/history` }), name.signed);
    if (outcome.kind === "ok" && this.#port.arrivesAtOnce) {
      // What was sent in the same millisecond may be on its way through the gateway, which takes no time here.
      const { sentAtMs } = name;
      this.#recorder.settle((other) => (sentAtMs.get(other) ?? Number.POSITIVE_INFINITY) < askedAtMs);
    }
    return this.#end(name, begun, outcome);
  }

  /** Of several names of one key at once: each is looked at by itself. */
  async list(client: string, names: readonly OwnedName[]): Promise<void> {
    const [first] = names;
    if (first === undefined) return;
    const listed = names.map((name) => ({ name, begun: this.#begin(client, name, { kind: "list" }) }));
    const answer = await this.#ask(client, { target: first.target.slice(0, first.target.lastIndexOf("/")) });
    for (const { name, begun } of listed) this.#end(name, begun, outcomeOfList(answer, name.signed, name.label));
  }

  #begin(client: string, name: OwnedName, asked: NameAsked): Begun<NameAsked> {
    name.operationCount += 1;
    if (name.afterFreeze !== undefined) name.afterFreeze += 1;
    return this.#recorder.begin(client, name.label, asked);
  }

  #end(name: OwnedName, begun: Begun<NameAsked>, outcome: NameOutcome): NameOutcome {
    this.#recorder.end(begun, outcome);
    this.#count(`${begun.asked.kind} ${outcome.kind === "ok" ? outcome.answer.kind : outcome.kind}`);
    if (outcome.kind === "ok" && isFrozenIn(outcome.answer)) name.afterFreeze ??= 0;
    return outcome;
  }

  async #ask(client: string, request: WorldRequest): Promise<WorldAnswer | undefined> {
    const { random, clock } = this.#port;
    const day = this.#port.day(client);
    if (this.isPatient || random.below(GIVEN_UP_ONE_IN) > 0) {
      const answer = await this.#port.request(request, client);
      const isServed = answer?.complete === true && answer.status < 500 && answer.status !== 429;
      const isStillCalm = day !== undefined && day === this.#port.day(client);
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
    const answer = await Promise.race([
      this.#port.request({ ...request, signal: leaving.signal }, client),
      left.promise,
    ]);
    timer.cancel();
    if (answer === undefined) this.#count("given up");
    return answer;
  }
}

function isFrozenIn(answer: NameAnswer): boolean {
  switch (answer.kind) {
    case "frozen":
      return true;
    case "history":
      return answer.evidence !== undefined;
    case "listed":
      return answer.isFrozen;
    default:
      return false;
  }
}

/** All of it at once. */
export function bodyOf(bytes: Uint8Array): Pick<WorldRequest, "body" | "contentLength"> {
  const body = sourceOver(bytes, { pieceBytes: () => bytes.length, failure: { code: "gateway.body-truncated" } });
  return { body, contentLength: bytes.length };
}
