/**
 * What became of every event of a soak, each by its number: a row, once, with the name of the entry that it came in; or a dead
 * letter, once, where nobody had let its producer in.
 *
 * Numbers and not texts are kept: a million of them take some megabytes.
 */
import { told } from "#chaos/soak/told.ts";
import { assert } from "#runtime/errors.ts";

/** Every so many events one has a token of nobody, and becomes a dead letter. */
const STRANGER_EVERY = 1000;
/** Every so many events one is published twice. */
const REPEATED_EVERY = 500;
/** Of an id, before its number: a UUID of version 7 has 48 bits after the last hyphen. */
const HEAD_LENGTH = 24;

export class EventAccount {
  readonly count: number;
  readonly #head: string;
  /** The entry that it was first taken in; 0 milliseconds: in none. */
  readonly #entryMs: Float64Array;
  readonly #entrySequence: Float64Array;
  readonly #rows: Uint8Array;
  readonly #letters: Uint8Array;
  readonly #wrong: string[] = [];
  #entries = 0;

  /** `head` is how every id begins: up to its number, of 12 digits. */
  constructor(count: number, head: string) {
    assert(head.length === HEAD_LENGTH, "an id begins with four of its five groups");
    this.count = count;
    this.#head = head;
    this.#entryMs = new Float64Array(count);
    this.#entrySequence = new Float64Array(count);
    this.#rows = new Uint8Array(count);
    this.#letters = new Uint8Array(count);
  }

  /** Entries that Redis has taken, repeated ones too. */
  get entryCount(): number {
    return this.#entries;
  }

  /** Of the events that were published first, so many are to be rows, and so many letters. */
  expected(): { readonly rows: number; readonly letters: number } {
    let [rows, letters] = [0, 0];
    for (let number = 0; number < this.count; number += 1) {
      if (this.#entryMs[number] === 0) continue;
      if (isStranger(number)) letters += 1;
      else rows += 1;
    }
    return { rows, letters };
  }

  idOf(number: number): string {
    return `${this.#head}${number.toString(16).padStart(12, "0")}`;
  }

  /** Redis has taken it, as this entry. */
  acknowledged(number: number, entryId: string): void {
    this.#entries += 1;
    if (this.#entryMs[number] !== 0) return;
    const [ms, sequence] = entryId.split("-").map(Number);
    this.#entryMs[number] = ms ?? 0;
    this.#entrySequence[number] = sequence ?? 0;
  }

  /** There is such a row. */
  foundRow(id: string, entryId: string): void {
    const number = this.#numberIn(id);
    if (number === undefined) return void this.#wrong.push(`a row ${id} that nobody sent`);
    this.#rows[number] = Math.min(255, (this.#rows[number] ?? 0) + 1);
    const name = `${this.#entryMs[number]}-${this.#entrySequence[number]}`;
    // Of two entries with one event either may come first.
    if (!isRepeated(number) && entryId !== name) {
      this.#wrong.push(`the row of event ${number} came of entry ${entryId}, and it was taken as ${name}`);
    }
  }

  /** There is such a dead letter. */
  foundLetter(text: string, reason: string): void {
    const number = this.#numberIn(/"event_id":"([^"]*)"/.exec(text)?.[1] ?? "");
    if (number === undefined) return void this.#wrong.push(`a dead letter that nobody sent: ${text.slice(0, 80)}`);
    this.#letters[number] = Math.min(255, (this.#letters[number] ?? 0) + 1);
    if (isStranger(number) && reason !== "unauthenticated") {
      this.#wrong.push(`event ${number} is a dead letter for ${reason}`);
    }
  }

  /** Undefined: every event that was taken is accounted for, and nothing else is there. */
  problem(): string | undefined {
    const problems = [...this.#wrong];
    for (let number = 0; number < this.count; number += 1) {
      const wanted = this.#entryMs[number] === 0 ? [0, 0] : isStranger(number) ? [0, 1] : [1, 0];
      const found = [this.#rows[number] ?? 0, this.#letters[number] ?? 0];
      if (found[0] === wanted[0] && found[1] === wanted[1]) continue;
      problems.push(`event ${number} (${this.idOf(number)}) is ${found[0]} rows and ${found[1]} dead letters`);
    }
    return told(problems);
  }

  #numberIn(id: string): number | undefined {
    const number = Number.parseInt(id.slice(HEAD_LENGTH), 16);
    return number < this.count && this.idOf(number) === id ? number : undefined;
  }
}

export function isStranger(number: number): boolean {
  return number % STRANGER_EVERY === STRANGER_EVERY - 1;
}

export function isRepeated(number: number): boolean {
  return number % REPEATED_EVERY === 0;
}
