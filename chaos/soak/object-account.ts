/**
 * What is to be there of every object of a soak, each by its number: kept from when its put was answered, gone from when its
 * removal was.
 *
 * The first half warms a node up. From half of that on each put is followed by the removal of the oldest that is left; after it
 * nothing is removed any more: each removal is remembered for an hour at least, and what a node holds would grow by that. The very
 * first are never removed: those are what is read all the time, one after the other, so that the caches are as full when it is
 * warm as in the end.
 */
import { told } from "#chaos/soak/told.ts";
import { assert } from "#runtime/errors.ts";

/** What a node answers who asks for one. */
export interface ObjectAnswer {
  readonly status: number;
  /** Of its bytes; undefined where there are none. */
  readonly address: string | undefined;
}

/** At 4.5 KiB each they are more than the cache of chunks holds, so that they come from the disk. */
const READ_MAX = 2048;
const READ_PARTS = 16;

export class ObjectAccount {
  readonly count: number;
  /** By number; undefined: its put was not answered. */
  readonly #addresses: (string | undefined)[];
  readonly #isGone: Uint8Array;
  readonly #wrong: string[] = [];
  #put = 0;
  #removed = 0;
  #read = 0;
  #begun = 0;
  #nextRead = 0;

  constructor(count: number) {
    this.count = count;
    this.#addresses = new Array<string | undefined>(count).fill(undefined);
    this.#isGone = new Uint8Array(count);
  }

  get putCount(): number {
    return this.#put;
  }

  get removedCount(): number {
    return this.#removed;
  }

  get keptCount(): number {
    return this.#put - this.#removed;
  }

  /** Answers that were looked at. */
  get readCount(): number {
    return this.#read;
  }

  /** Those that are put while it becomes warm. */
  get warmUpCount(): number {
    return Math.ceil(this.count / 2);
  }

  /** The next one to be put; undefined: all of them were. */
  next(): number | undefined {
    if (this.#begun >= this.count) return undefined;
    this.#begun += 1;
    return this.#begun - 1;
  }

  /** Its put was answered. */
  put(number: number, address: string): void {
    assert(this.#addresses[number] === undefined, "it is put once");
    this.#addresses[number] = address;
    this.#put += 1;
  }

  /** The oldest that goes for the one with this number; undefined: none does. */
  goesFor(number: number): { readonly number: number; readonly address: string } | undefined {
    const past = number - Math.ceil(this.warmUpCount / 2);
    return past < 0 || number >= this.warmUpCount ? undefined : this.#kept(this.#readCountMax + past);
  }

  /** Its removal was answered. */
  removed(number: number): void {
    this.#isGone[number] = 1;
    this.#removed += 1;
  }

  /** The next of those that are read all the time. */
  nextRead(): { readonly number: number; readonly address: string } | undefined {
    this.#nextRead = (this.#nextRead + 1) % this.#readCountMax;
    return this.#kept(this.#nextRead);
  }

  /** It was asked for while it was kept. */
  answeredKept(number: number, { status, address }: ObjectAnswer): void {
    this.#read += 1;
    const expected = this.#addresses[number];
    if (status === 200 && address === expected) return;
    this.#wrong.push(`object ${number} (${expected}) was answered ${status} with ${address ?? "nothing"}`);
  }

  /** It was asked for after it was removed. */
  answeredRemoved(number: number, { status }: ObjectAnswer): void {
    this.#read += 1;
    if (status === 404) return;
    this.#wrong.push(`object ${number} (${this.#addresses[number]}) was removed, and is answered ${status}`);
  }

  /** A put, a get or a removal had another answer than it should have. */
  refused(what: string): void {
    this.#wrong.push(what);
  }

  /** All that were answered, and whether they are to be there, once nothing is under way. */
  *all(): Generator<{ readonly number: number; readonly address: string; readonly isKept: boolean }> {
    for (const [number, address] of this.#addresses.entries()) {
      if (address !== undefined) yield { number, address, isKept: this.#isGone[number] === 0 };
    }
  }

  /** Undefined: what was looked at was right. */
  problem(): string | undefined {
    return told(this.#wrong);
  }

  get #readCountMax(): number {
    return Math.min(READ_MAX, Math.ceil(this.warmUpCount / READ_PARTS));
  }

  #kept(number: number): { readonly number: number; readonly address: string } | undefined {
    const address = this.#addresses[number];
    return address === undefined ? undefined : { number, address };
  }
}
