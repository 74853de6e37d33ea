/** Requests of one client for objects that come and go, each written down for the checker: when it was sent, and what was answered. */
import type { HistoryRecorder } from "#chaos/checkers/history-recorder.ts";
import type { ObjectAnswer, ObjectAsked } from "#chaos/checkers/object-model.ts";
import type { Outcome } from "#chaos/checkers/operation.ts";
import type { Checks } from "#chaos/checks.ts";
import type { Ledger } from "#chaos/ledger.ts";
import type { Answered, Asker } from "#chaos/workload/asker.ts";
import { uploadOf } from "#chaos/workload/objects.ts";
import type { Removable } from "#chaos/workload/removable.ts";
import { fieldsIn } from "#chaos/workload/said.ts";
import type { World, WorldRequest } from "#chaos/world.ts";
import { isFateOpen } from "#client/names.ts";
import type { Random } from "#runtime/random.ts";

/** For a moment: over at once, or after a run. */
const SHORT_SECONDS = 1;
/** Longer than a run, whatever becomes of its clocks. */
const LONG_SECONDS = 90 * 24 * 3600;

export interface RemovalRequestsOptions {
  readonly world: Pick<World, "clock">;
  readonly asker: Asker;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly checks: Checks;
  readonly recorder: HistoryRecorder<ObjectAsked, ObjectAnswer>;
  /** For people. */
  readonly who: string;
  readonly mayHide: boolean;
}

/** What an answer says, where it is no refusal. */
type Reading = (answer: Answered) => ObjectAnswer | undefined;

export class RemovalRequests {
  readonly #options: RemovalRequestsOptions;

  constructor(options: RemovalRequestsOptions) {
    this.#options = options;
  }

  async put(one: Removable, isShort: boolean): Promise<void> {
    const { world, random, ledger, checks } = this.#options;
    const { address, bytes } = one.object;
    const isFine = !one.isCutOnce && random.below(2) === 0;
    const onAcknowledged = ledger.damage.put(one.object);
    const request = {
      method: "PUT",
      target: random.below(2) === 0 ? "/put" : `/o/${address}`,
      body: uploadOf(bytes, { clock: world.clock, random }),
      headers: { ...this.#keeping(isShort), ...(isFine ? { "cepa-chunker": "gear-fine/1" } : {}) },
      ...(random.below(3) === 0 ? {} : { contentLength: bytes.length }),
    };
    await this.#ask(one, { kind: "put", isShort }, request, (answer) => {
      if (!answer.complete || (answer.status !== 200 && answer.status !== 201)) return undefined;
      const stored = fieldsIn(answer);
      checks.that(
        "bytes-are-right",
        stored["address"] === address,
        () => `${address} is stored as ${stored["address"]}`,
      );
      one.root = String(stored["manifest"]);
      onAcknowledged();
      return "done";
    });
  }

  async read(one: Removable): Promise<void> {
    const { random, checks } = this.#options;
    const { address, bytes } = one.object;
    const isStat = random.below(3) === 0;
    const target = isStat ? `/stat/${address}` : `/o/${address}`;
    await this.#ask(one, { kind: "read" }, { target }, (answer) => {
      if (answer.status !== 200 || !answer.complete) return saysAbsent(answer);
      const isRight = isStat ? fieldsIn(answer)["size"] === bytes.length : Buffer.compare(answer.body, bytes) === 0;
      checks.that("bytes-are-right", isRight, () => `wrong answer to ${target}`);
      return "done";
    });
  }

  async remove(one: Removable): Promise<void> {
    await this.#do(one, { kind: "remove" }, "DELETE", "");
  }

  async restore(one: Removable): Promise<void> {
    await this.#do(one, { kind: "restore" }, "POST", "/restore");
  }

  async pin(one: Removable, isShort: boolean): Promise<void> {
    await this.#do(one, { kind: "pin", isShort }, "PUT", "/pin", this.#keeping(isShort));
  }

  async unpin(one: Removable): Promise<void> {
    await this.#do(one, { kind: "unpin" }, "DELETE", "/pin");
  }

  /** What nobody holds goes to the trash, with `emptiesTrash` what is there is given up. */
  async collect(emptiesTrash: boolean): Promise<void> {
    const { asker } = this.#options;
    const answer = await asker.send("collect", { method: "POST", target: emptiesTrash ? "/gc?trash=empty" : "/gc" });
    if (answer !== undefined && answer.status !== 202) asker.mayRefuse(answer, "collect", false);
  }

  /** Where that is the same, now and then by the root of the manifest. */
  async #do(
    one: Removable,
    asked: ObjectAsked,
    method: string,
    part: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { random } = this.#options;
    const isByRoot = one.isCutOnce && one.root !== undefined && random.below(3) === 0;
    const target = `${isByRoot ? `/m/${one.root}` : `/o/${one.object.address}`}${part}`;
    await this.#ask(one, asked, { method, target, headers }, (answer) =>
      answer.status === 200 && answer.complete ? "done" : saysAbsent(answer),
    );
  }

  async #ask(one: Removable, asked: ObjectAsked, request: WorldRequest, read: Reading): Promise<void> {
    const { asker, recorder, who, ledger } = this.#options;
    const { object } = one;
    const mayBeDamaged = this.#mayBeDamaged(one);
    const wasForgotten = ledger.damage.mayBeForgotten(object);
    one.operationCount += 1;
    const begun = recorder.begin(who, object.address, asked);
    one.unknown.add(begun);
    const answer = await asker.send(asked.kind, request, !mayBeDamaged);
    const heard = answer && read(answer);
    // An object of which nothing that holds is left may be unknown: that says nothing of what was done to it.
    const isForgotten = heard === "absent" && (wasForgotten || ledger.damage.mayBeForgotten(object));
    const said = isForgotten ? undefined : heard;
    if (answer !== undefined && said === undefined && !isForgotten) {
      // A disk may be full on a calm day, and what has decayed is refused.
      const isDamaged = (answer.status === 502 || !answer.complete) && (mayBeDamaged || this.#mayBeDamaged(one));
      if (isDamaged) ledger.damage.told(object);
      asker.mayRefuse(answer, `${asked.kind} ${object.address}`, answer.status === 507 || isDamaged);
    }
    const outcome = outcomeOf(answer, said);
    recorder.end(begun, outcome);
    // Nothing hangs on a read that was not answered.
    if (outcome.kind !== "unknown" || asked.kind === "read") one.unknown.delete(begun);
  }

  #mayBeDamaged({ object }: Removable): boolean {
    return this.#options.mayHide || this.#options.ledger.damage.mayBe(object);
  }

  #keeping(isShort: boolean): Readonly<Record<string, string>> {
    if (isShort) return { "cepa-keep": `${SHORT_SECONDS}` };
    return this.#options.random.below(3) === 0 ? { "cepa-keep": `${LONG_SECONDS}` } : {};
  }
}

function outcomeOf(answer: Answered | undefined, said: ObjectAnswer | undefined): Outcome<ObjectAnswer> {
  if (said !== undefined) return { kind: "ok", answer: said };
  if (answer === undefined || !answer.complete) return { kind: "unknown" };
  const code = String(fieldsIn(answer)["code"]);
  // The gateway has asked nobody below. Of all else it is not known how far it came.
  return code.startsWith("gateway.") && !isFateOpen(code) ? { kind: "refused" } : { kind: "unknown" };
}

function saysAbsent({ status, complete }: Answered): ObjectAnswer | undefined {
  return status === 404 && complete ? "absent" : undefined;
}
