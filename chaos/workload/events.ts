/**
 * What producers publish while a node is broken: events, what is no event, what may not be written, what contradicts an event that
 * is there, each text once, or again until Redis has taken it. What is known of each is kept for the checker.
 *
 * Payloads are spelt as Postgres gives them back, and events as a node spells one that it refuses when it has only the row left, so
 * that both can be compared by character.
 */
import { formatRfc3339 } from "#actors/domain/time-ns.ts";
import { uuidOfHex } from "#actors/domain/uuid.ts";
import { checkEvents, type EventVerdict } from "#chaos/checkers/event-checker.ts";
import type { SentText } from "#chaos/checkers/event-history.ts";
import type { EventsPort } from "#chaos/workload/events-port.ts";
import { Newcomer, type Publisher } from "#chaos/workload/newcomer.ts";
import { textOf } from "#chaos/workload/redis-replies.ts";
import { passed } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { minute, second } from "#runtime/units.ts";

/** Texts that one act publishes, one after the other. */
const BURST_MAX = 5;
/** Pauses of who sends again what Redis did not say it has. */
const AGAIN_MS_MAX = 400;
/** So long a text is sent again, and then given up. */
const INSIST_MS_MAX: number = 1 * minute;
/** Between two looks at what is kept. */
const LOOK_MS: number = second / 2;
/** Nobody lets such a one in. */
const NO_TOKEN = "nobody";

/** Of a text under way: it is added to. */
type Sending = SentText & { readonly entryIds: string[]; unansweredCount: number };

export interface EventsJudged extends EventVerdict {
  /** Entries that were left to be read or acknowledged. */
  readonly openCount: number;
}

export interface EventsOptions {
  readonly port: EventsPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly count: (what: string) => void;
}

export class EventsWorkload {
  readonly #options: EventsOptions;
  readonly #sent: Sending[] = [];
  #publishers: readonly Publisher[] = [];
  #made = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** So many producers come, and are let in. */
  async prepare(producerCount: number): Promise<void> {
    const { port, clock, random } = this.#options;
    const newcomers = Array.from({ length: producerCount }, (_, at) => {
      return new Newcomer({ port, clock, random }, `producer-${at + 1}`);
    });
    for (const newcomer of newcomers) await newcomer.register();
    await port.approve();
    const publishers: Publisher[] = [];
    for (const newcomer of newcomers) publishers.push(await newcomer.settle());
    this.#publishers = publishers;
  }

  /** The producer of this number publishes a little. */
  async act(at: number): Promise<void> {
    const publisher = this.#publishers[at];
    if (publisher === undefined) return;
    const { random } = this.#options;
    for (let left = 1 + random.below(BURST_MAX); left > 0; left -= 1) await this.#publish(publisher);
  }

  /**
   * Waits until what is kept is what was published, no longer than `withinMs`, and says what it came to; undefined where nobody
   * could look.
   */
  async judge(withinMs: number): Promise<EventsJudged | undefined> {
    const { port, clock } = this.#options;
    const untilMs = clock.nowMs() + withinMs;
    for (;;) {
      const look = await port.look();
      const judged = look && { ...checkEvents(this.#sent, look), openCount: look.openCount };
      // What is delivered again comes to nothing new: that can be said when nothing is under way.
      const isAtRest = judged?.problems.length === 0 && judged.openCount === 0;
      if (isAtRest || clock.nowMs() >= untilMs) return judged;
      await passed({ clock }, LOOK_MS);
    }
  }

  async #publish(publisher: Publisher): Promise<void> {
    const { random } = this.#options;
    const { sending, token } = this.#next(publisher);
    this.#sent.push(sending);
    await this.#send(sending, token, random.below(4) !== 0);
    // Who is not sure that it was he who sent it sends it once more.
    if (random.below(16) === 0) await this.#send(sending, token, false);
    if (sending.event === undefined || sending.refusal !== undefined || random.below(24) !== 0) return;
    const contradiction = this.#event(publisher, sending.event.id, undefined);
    this.#sent.push(contradiction);
    await this.#send(contradiction, token, true);
  }

  /** Until Redis has taken it, where `isInsistent`. */
  async #send(sending: Sending, token: string, isInsistent: boolean): Promise<void> {
    const { port, clock, random, count } = this.#options;
    const untilMs = clock.nowMs() + INSIST_MS_MAX;
    for (;;) {
      const added = await port.ask(["XADD", "events", "*", "payload", sending.text, "token", token]);
      count(added.ok ? "publish" : "publish without answer");
      if (added.ok) {
        sending.entryIds.push(textOf(added.value));
        return;
      }
      const { failure } = added;
      if (failure.code === "redis.unreachable" && failure.executed === "maybe") sending.unansweredCount += 1;
      if (!isInsistent || clock.nowMs() >= untilMs) return;
      await passed({ clock }, 1 + random.below(AGAIN_MS_MAX));
    }
  }

  #next(publisher: Publisher): { readonly sending: Sending; readonly token: string } {
    const { random } = this.#options;
    const { token, producerId } = publisher;
    const id = (): string => uuidOfHex(Buffer.from(random.bytes(16)).toString("hex"));
    switch (random.below(16)) {
      case 0:
        this.#made += 1;
        return { sending: sendingOf(producerId, `no event, number ${this.#made}`, undefined, "bad_event_json"), token };
      case 1:
        return { sending: this.#event(publisher, id(), "unauthenticated"), token: NO_TOKEN };
      case 2:
        return { sending: this.#event(this.#stranger(publisher), id(), "producer_subject_forbidden"), token };
      default:
        return { sending: this.#event(publisher, id(), undefined), token };
    }
  }

  /** Who writes about what is another one's. */
  #stranger({ producerId }: Publisher): Pick<Publisher, "producerId" | "subjectId"> {
    const { random } = this.#options;
    const other = this.#publishers.find((one) => one.producerId !== producerId);
    const subjectId = other?.subjectId ?? uuidOfHex(Buffer.from(random.bytes(16)).toString("hex"));
    return { producerId, subjectId };
  }

  #event(
    { producerId, subjectId }: Pick<Publisher, "producerId" | "subjectId">,
    id: string,
    refusal: string | undefined,
  ): Sending {
    const { clock, random } = this.#options;
    this.#made += 1;
    const ms = Math.floor(clock.wallMs());
    const nanoseconds = String(random.below(1_000_000)).padStart(6, "0");
    const ts = formatRfc3339(BigInt(`${ms}${nanoseconds}`));
    // More digits than a number of JavaScript has.
    const payload = `{"pad": "${"x".repeat(random.below(200))}", "number": ${this.#made}.${nanoseconds}12345678901234567890}`;
    const tags = [{ key: "core.number", value: `number ${this.#made % 7}` }];
    const text = `{"event_id":"${id}","ts":"${ts}","subject_id":"${subjectId}","payload":${payload},"tags":${JSON.stringify(tags)}}`;
    const said = { producerId, subjectId, tsNs: `${ms}${nanoseconds}`, payload, tags };
    return sendingOf(producerId, text, { id, content: contentOf(said) }, refusal);
  }
}

export interface EventSaid {
  readonly producerId: string;
  readonly subjectId: string;
  readonly tsNs: string;
  readonly payload: string;
  readonly tags: readonly { readonly key: string; readonly value: string }[];
}

/** The same for what is the same. */
export function contentOf({ producerId, subjectId, tsNs, payload, tags }: EventSaid): string {
  return JSON.stringify([producerId, subjectId, tsNs, payload, ...tags.map(({ key, value }) => [key, value])]);
}

function sendingOf(producerId: string, text: string, event: Sending["event"], refusal: string | undefined): Sending {
  return { producerId, text, event, refusal, entryIds: [], unansweredCount: 0 };
}
