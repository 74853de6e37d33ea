/** Producers of a soak: they come to the node as every producer does, and publish events by their numbers. */
import { randomBytes } from "node:crypto";
import type { SoakNode } from "#chaos/real/soak/soak-node.ts";
import { EventAccount, isRepeated, isStranger } from "#chaos/soak/event-account.ts";
import { Newcomer, type Publisher } from "#chaos/workload/newcomer.ts";
import { openCountIn, textOf } from "#chaos/workload/redis-replies.ts";
import { passed } from "#chaos/world.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import type { Redis } from "#runtime/redis/redis.ts";
import { minute } from "#runtime/units.ts";
import { patient } from "#test/kit/patient.ts";

const PRODUCERS = 4;
/** Of each producer. */
const IN_FLIGHT = 200;
/** The last of each time come one by one: who reads holds on to the last page that it was given, and this is a small one. */
const ALONE = 8;
const EVENT_BYTES = 600;
const NO_TOKEN = "nobody";
const LOOK_MS = 20;
/** A token counts for an hour: one that is older when a round begins may be over before its end. */
const TOKEN_MS_MAX: number = 30 * minute;

export class SoakProducers {
  readonly account: EventAccount;
  /** What Redis has not taken, and why. */
  readonly refusals: string[] = [];
  readonly #newcomers: readonly Newcomer[];
  #publishers: readonly Publisher[] = [];
  #settledMs = Number.NEGATIVE_INFINITY;
  readonly #connections: readonly Redis[];
  readonly #node: SoakNode;
  readonly #startedMs = Date.now();

  private constructor(node: SoakNode, eventCount: number, newcomers: readonly Newcomer[]) {
    this.#node = node;
    this.#newcomers = newcomers;
    this.#connections = newcomers.map(() => node.work.open(node.work.url));
    const run = randomBytes(9).toString("hex");
    const [first, second, third, fourth] = [run.slice(0, 8), run.slice(8, 12), run.slice(12, 15), run.slice(15, 18)];
    this.account = new EventAccount(eventCount, `${first}-${second}-7${third}-8${fourth}-`);
  }

  static async come(node: SoakNode, eventCount: number): Promise<SoakProducers> {
    const seams = { port: node.events, clock: realClock, random: createRealRandom() };
    const newcomers = Array.from({ length: PRODUCERS }, (_, at) => new Newcomer(seams, `soaker-${at + 1}`));
    for (const newcomer of newcomers) await newcomer.register();
    await node.events.approve();
    return new SoakProducers(node, eventCount, newcomers);
  }

  /** Settles when Redis has taken all of them, and the node is done with them. */
  async publish([from, to]: readonly [number, number]): Promise<void> {
    await this.#settle();
    const alone = Math.max(from, to - ALONE);
    await Promise.all(this.#publishers.map((publisher, at) => this.#publishAs(publisher, at, from, alone)));
    await this.#done();
    for (let number = alone; number < to; number += 1) {
      await this.#publishAs(this.#publishers[number % PRODUCERS], number % PRODUCERS, number, number + 1);
      await this.#done();
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
  }

  async #settle(): Promise<void> {
    if (performance.now() - this.#settledMs < TOKEN_MS_MAX) return;
    const publishers: Publisher[] = [];
    for (const newcomer of this.#newcomers) publishers.push(await newcomer.settle());
    this.#publishers = publishers;
    this.#settledMs = performance.now();
  }

  async #publishAs(publisher: Publisher | undefined, at: number, from: number, to: number): Promise<void> {
    const connection = this.#connections[at];
    await connection?.ready(patient);
    let sending: Promise<void>[] = [];
    for (let number = from; number < to; number += 1) {
      if (number % PRODUCERS !== at || connection === undefined || publisher === undefined) continue;
      for (let times = isRepeated(number) ? 2 : 1; times > 0; times -= 1) {
        sending.push(this.#send(connection, publisher, number));
      }
      if (sending.length < IN_FLIGHT) continue;
      await Promise.all(sending);
      sending = [];
    }
    await Promise.all(sending);
  }

  async #send(connection: Redis, { token, subjectId }: Publisher, number: number): Promise<void> {
    const payload = eventText(this.account.idOf(number), subjectId, this.#startedMs, number);
    const own = isStranger(number) ? NO_TOKEN : token;
    const added = await connection.call(["XADD", "events", "*", "payload", payload, "token", own], patient);
    if (added.ok) this.account.acknowledged(number, textOf(added.value));
    else this.refusals.push(`event ${number}: ${JSON.stringify(added.failure)}`);
  }

  /** Nothing is left to be read or acknowledged. */
  async #done(): Promise<void> {
    while (openCountIn(await this.#node.work.look("XINFO", "GROUPS", "events")) > 0) {
      await passed({ clock: realClock }, LOOK_MS);
    }
  }
}

/** The same whenever it is made: who publishes an event again says the same. */
function eventText(id: string, subjectId: string, startedMs: number, number: number): string {
  const ts = new Date(startedMs + number).toISOString();
  const head = `{"event_id":"${id}","ts":"${ts}","subject_id":"${subjectId}","payload":{"number":${number},"note":"`;
  const tail = `"},"tags":[{"key":"core.number","value":"${number % 7}"}]}`;
  return `${head}${"x".repeat(Math.max(0, EVENT_BYTES - head.length - tail.length))}${tail}`;
}
