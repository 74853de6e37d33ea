/**
 * Reads the words of a command one after another. The first thing that is wrong with one is kept, and what is read after it
 * means nothing, so a command reads all that it needs and then looks whether it may go on.
 *
 * Only what a caller can get wrong with what it was given is refused. A form that is not known here is a defect: a real Redis
 * may know it, and do something else.
 */
import { assert, Defect } from "#runtime/errors.ts";
import { ENTRY_ID_LAST, parseId, type WrittenId } from "#runtime/redis/entry-id.ts";
import { BAD_ID, NO_INTEGER, Refusal } from "#runtime/simulated/redis/refusal.ts";

const INTEGER = /^(0|-?[1-9]\d{0,18})$/;
const INT64_MAX = 2n ** 63n - 1n;

export class Words {
  /** The first one counts. */
  problem: Refusal | undefined;
  readonly #words: readonly Uint8Array[];
  #at = 1;

  constructor(words: readonly Uint8Array[]) {
    this.#words = words;
  }

  get leftCount(): number {
    return this.#words.length - this.#at;
  }

  refuse(problem: Refusal): void {
    this.problem ??= problem;
  }

  bytes(): Uint8Array {
    const word = this.#words[this.#at];
    this.#at += 1;
    if (word === undefined) throw new Defect(`a simulated Redis does not know this form of ${this.#name}`);
    return word;
  }

  /** A character for each byte. */
  name(): string {
    return Buffer.from(this.bytes()).toString("latin1");
  }

  rest(): readonly Uint8Array[] {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return rest;
  }

  /** One of these, in any case, if it is the next word; then it is read. */
  option<Option extends string>(...options: readonly Option[]): Option | undefined {
    const word = this.#words[this.#at];
    if (word === undefined) return undefined;
    const text = Buffer.from(word).toString("latin1").toUpperCase();
    const found = options.find((option) => option === text);
    if (found !== undefined) this.#at += 1;
    return found;
  }

  /** What a real one knows and this one does not: it could be taken for something else. */
  unknown(option: string): void {
    assert(this.option(option) === undefined, `a simulated Redis does not know ${option} of ${this.#name}`);
  }

  integer(problem: Refusal = NO_INTEGER): number {
    const text = this.name();
    const value = INTEGER.test(text) ? BigInt(text) : INT64_MAX + 1n;
    if (value > INT64_MAX || value < -INT64_MAX - 1n) this.refuse(problem);
    return Number(value);
  }

  /** An id in full, or without its second number. */
  id(): bigint {
    return this.idIn(this.name());
  }

  /** Of a word that was read before. */
  idIn(text: string, problem: Refusal = BAD_ID): bigint {
    return this.#checked(parseId(text), false, problem).id;
  }

  /** The same, or `5-*`. */
  newId(): WrittenId {
    return this.#checked(parseId(this.name()), true);
  }

  /** The first of a range: `-`, an id, or `(` before one that is not in it. */
  first(text: string = this.name()): bigint {
    const { id, isOut } = this.#end(text, "first");
    if (isOut && id === ENTRY_ID_LAST) this.refuse(new Refusal("ERR invalid start ID for the interval"));
    return isOut ? id + 1n : id;
  }

  /** The last of a range. */
  last(text: string = this.name()): bigint {
    const { id, isOut } = this.#end(text, "last");
    if (isOut && id === 0n) this.refuse(new Refusal("ERR invalid end ID for the interval"));
    return isOut ? id - 1n : id;
  }

  /** Nothing is left that nobody has read. */
  end(): void {
    assert(this.leftCount === 0, `a simulated Redis knows all words of ${this.#name}`);
  }

  get #name(): string {
    return Buffer.from(this.#words[0] ?? []).toString();
  }

  #end(text: string, side: "first" | "last"): { readonly id: bigint; readonly isOut: boolean } {
    if (text === "-") return { id: 0n, isOut: false };
    if (text === "+") return { id: ENTRY_ID_LAST, isOut: false };
    const isOut = text.startsWith("(");
    return { id: this.#checked(parseId(isOut ? text.slice(1) : text, side), false).id, isOut };
  }

  #checked(written: WrittenId | undefined, mayBeOpen: boolean, problem: Refusal = BAD_ID): WrittenId {
    if (written !== undefined && (mayBeOpen || !written.isOpen)) return written;
    this.refuse(problem);
    return { id: 0n, isOpen: false };
  }
}
