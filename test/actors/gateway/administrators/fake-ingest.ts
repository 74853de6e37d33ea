/** Ingest as gateway sees it, in another cell: what is asked and answered goes through the codec of links. */
import { uuidOfHex } from "#actors/domain/uuid.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { decode, encode } from "#runtime/link/body.ts";
import { LINK_MESSAGE_BYTES_MAX } from "#runtime/link/limits.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";

export type StoredEvent = ReplyOf<IngestProtocol, "readEvent">;
export type LetterHead = ReplyOf<IngestProtocol, "listDeadLetters">["letters"][number];
export type ShownLetter = ReplyOf<IngestProtocol, "readDeadLetter">;

export type BindingRequest = ReplyOf<IngestProtocol, "listBindingRequests">[number];

interface Asked {
  readonly name: string;
  readonly request: unknown;
}

export class FakeIngest implements Ref<IngestProtocol> {
  readonly name = "ingest";
  readonly asked: Asked[] = [];
  /** The oldest first. */
  letters: ShownLetter[] = [];
  event: StoredEvent | undefined;
  /** The oldest first. */
  bindings: BindingRequest[] = [];
  /** What came of a review; undefined: there is no such subject. */
  reviewed: ReplyOf<IngestProtocol, "reviewBinding"> | undefined = { subjectKey: "hosts/a", isTold: true };
  redriven: ReplyOf<IngestProtocol, "redriveDeadLetter"> = { kind: "written", outcome: "new" };
  /** Of every call, where it is set. */
  failure: Failure | undefined;

  async call(name: keyof IngestProtocol, request: unknown): Promise<never> {
    this.asked.push({ name, request: carried(request) });
    const answer = this.failure === undefined ? this.#answer(name, request) : fail(this.failure);
    return (answer.ok ? ok(carried(answer.value)) : answer) as never;
  }

  cast(): "accepted" {
    return "accepted";
  }

  monitor(): () => void {
    return () => undefined;
  }

  #answer(name: keyof IngestProtocol, request: unknown): Result<unknown, Failure> {
    const { letterId, eventId, after, limit = 0 } = request as Record<string, never>;
    const letter = this.letters.find((one) => one.letterId === letterId);
    switch (name) {
      case "listBindingRequests":
        return ok(this.bindings.filter(({ number }) => number > (after ?? 0)).slice(0, limit));
      case "reviewBinding":
        return this.reviewed === undefined ? fail({ code: "ingest.subject-unknown" }) : ok(this.reviewed);
      case "listDeadLetters": {
        const start = after === undefined ? 0 : this.letters.findIndex((one) => one.letterId === after) + 1;
        const heads = this.letters.slice(start, start + limit).map(({ payload: _, ...head }) => head);
        return ok({ totalCount: this.letters.length, letters: heads });
      }
      case "readEvent":
        return this.event?.eventId === eventId ? ok(this.event) : fail({ code: "ingest.event-unknown" });
      default:
        if (letter === undefined) return fail({ code: "ingest.dead-letter-unknown" });
        if (name === "readDeadLetter") return ok(letter);
        if (name === "redriveDeadLetter") return ok(this.redriven);
        this.letters = this.letters.filter((one) => one !== letter);
        return ok();
    }
  }
}

const ID = uuidOfHex("0000000000004000800000000000000a");

function carried(value: unknown): unknown {
  const bytes = encode(value);
  assert(bytes !== undefined && bytes.length <= LINK_MESSAGE_BYTES_MAX, "a link carries it");
  return decode(bytes, 0, bytes.length);
}

export function letter(number: number, changes: Partial<ShownLetter> = {}): ShownLetter {
  const { payload = Buffer.from("{") } = changes;
  return {
    letterId: `1760000000000-${number}`,
    id: `1759999999999-${number}`,
    reason: "bad_event_json",
    error: "not-json",
    attempts: 1,
    firstMs: 1_760_000_000_000,
    lastMs: 1_760_000_000_500,
    sender: undefined,
    payloadBytes: payload.length,
    isCut: false,
    ...changes,
    payload: new Uint8Array(payload),
  };
}

/** A producer that waits, of whom and of what every id is the same. */
export function bindingRequest(number: number, subjectKey: string = `hosts/${number}`): BindingRequest {
  return { number, producerId: ID, subjectId: ID, subjectKey, askedMs: 1_760_000_000_000 };
}

/** An event that was committed, of which every id is the same. */
export function storedEvent(payload: string): StoredEvent {
  return {
    eventId: ID,
    tsNs: 1_760_000_000_123_456_789n,
    subjectId: ID,
    subjectKey: undefined,
    schemaId: ID,
    schemaName: undefined,
    schemaVersion: undefined,
    producerId: ID,
    streamId: "1:1760000000000-0",
    payload,
    tags: [],
    receivedMs: 1_760_000_000_000,
  };
}
