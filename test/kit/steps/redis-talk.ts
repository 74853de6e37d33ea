/** What a node says to its Redis, and which steps that is. Answers come in the order of what was asked. */
import { DEAD_LETTERS_STREAM } from "#actors/ingest/dead-letters.ts";
import { EVENTS_STREAM } from "#actors/ingest/pipeline.ts";
import { readSaid, type Said } from "#test/kit/steps/resp.ts";
import type { Step } from "#test/kit/steps/step.ts";
import { type Part, partOf, type Talk } from "#test/kit/steps/talk.ts";

interface Meaning {
  readonly asked?: Step;
  /** Undefined where the answer is that nothing was there to do. */
  readonly done?: (answer: Said) => Step | undefined;
}

const NOTHING: Meaning = {};

export class RedisTalk implements Talk {
  #asking: Buffer = Buffer.alloc(0);
  #answering: Buffer = Buffer.alloc(0);
  readonly #unanswered: Meaning[] = [];

  fromNode(bytes: Buffer): readonly Part[] {
    this.#asking = Buffer.concat([this.#asking, bytes]);
    const parts: Part[] = [];
    let at = 0;
    for (let next = readSaid(this.#asking, at); next !== undefined; next = readSaid(this.#asking, at)) {
      const meaning = meaningOf(next.said);
      this.#unanswered.push(meaning);
      parts.push(partOf("server", this.#asking.subarray(at, next.end), meaning.asked));
      at = next.end;
    }
    this.#asking = this.#asking.subarray(at);
    return parts;
  }

  fromServer(bytes: Buffer): readonly Part[] {
    this.#answering = Buffer.concat([this.#answering, bytes]);
    const parts: Part[] = [];
    let at = 0;
    for (let next = readSaid(this.#answering, at); next !== undefined; next = readSaid(this.#answering, at)) {
      const meaning = this.#unanswered.shift();
      parts.push(partOf("node", this.#answering.subarray(at, next.end), meaning?.done?.(next.said)));
      at = next.end;
    }
    this.#answering = this.#answering.subarray(at);
    return parts;
  }
}

function meaningOf(said: Said): Meaning {
  const words = listOf(said);
  const [name, , , key] = words;
  if (name === "XREADGROUP" && words.at(-2) === EVENTS_STREAM) {
    const isNew = words.at(-1) === ">";
    return { done: (answer) => given(entriesIn(answer), isNew ? "new entries given" : "own entries given again") };
  }
  if (name === "XAUTOCLAIM" && words[1] === EVENTS_STREAM) {
    return { done: (answer) => given(listOf(listOf(answer)[1]), "entries of another claimed") };
  }
  if (name === "XACK" && words[1] === EVENTS_STREAM) {
    return { asked: "acknowledge asked", done: () => "acknowledge done" };
  }
  if (name === "EVAL" && key === DEAD_LETTERS_STREAM) {
    return { asked: "dead letter asked", done: () => "dead letter done" };
  }
  if (name === "EVAL" && key === EVENTS_STREAM) {
    return { asked: "trim asked", done: (answer) => (Number(answer) > 0 ? "trim done" : undefined) };
  }
  return NOTHING;
}

function given(entries: readonly Said[], step: Step): Step | undefined {
  return entries.length > 0 ? step : undefined;
}

/** Of the one stream that was read. */
function entriesIn(answer: Said): readonly Said[] {
  const [stream] = listOf(answer);
  return listOf(listOf(stream)[1]);
}

function listOf(said: Said | undefined): readonly Said[] {
  return said !== null && typeof said === "object" ? said : [];
}
