/**
 * Writes codec types as MessagePack, and refuses everything else where it comes to it.
 *
 * The library that reads it could write it too, but turns what it has no form for into something else, silently; to look
 * for that beforehand makes it a fifth slower. The forms of `undefined`, and of integers of more than 64 bits, are the
 * library's own.
 */
import { Defect } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";

/** Memory for many messages, filled further and never used again: who got a message may still hold it. */
const slabBytes: number = 64 * KiB;
/** No message begins where less is left, so that most fit. */
const leftBytesMin: number = 2 * KiB;
/** Strings of fewer characters are written faster one by one. */
const byCharacterMax = 64;

/** Strings of as many characters are measured before: three times their length would be kept. */
const exactFrom: number = 4 * KiB;

const plainObject: unknown = Object.prototype;
const plainArray: unknown = Array.prototype;

/** One for many messages. */
export class Packer {
  #slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  #view: DataView = new DataView(this.#slab.buffer);
  /** Of the message at hand; what is before it belongs to others. */
  #start = 0;
  #at = 0;
  #isPacking = false;

  /** Bytes that stay as they are. Throws for what no link carries, and what a getter throws. */
  pack(value: unknown): Uint8Array {
    // A getter of the message at hand sends one itself.
    if (this.#isPacking) return new Packer().pack(value);
    // A slab that had to grow is not kept.
    const isWorn = this.#slab.byteLength !== slabBytes || slabBytes - this.#at < leftBytesMin;
    if (isWorn) this.#begin(slabBytes);
    this.#start = this.#at;
    this.#isPacking = true;
    try {
      this.#value(value);
      return this.#slab.subarray(this.#start, this.#at);
    } finally {
      this.#isPacking = false;
    }
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        break;
      case "number":
        this.#number(value);
        break;
      case "boolean":
        this.#tag(value ? 0xc3 : 0xc2);
        break;
      case "undefined":
        this.#tag(0xd4);
        this.#tag(0);
        this.#tag(0);
        break;
      case "bigint":
        this.#bigint(value);
        break;
      case "object":
        if (value === null) this.#tag(0xc0);
        else this.#object(value);
        break;
      default:
        throw new Defect(`a ${typeof value} is no message`);
    }
  }

  #object(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === plainObject || prototype === null) this.#record(value as Readonly<Record<string, unknown>>);
    else if (prototype === plainArray && Array.isArray(value)) this.#array(value);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else throw new Defect("an instance of a class is no message");
  }

  #record(value: Readonly<Record<string, unknown>>): void {
    if (Object.getOwnPropertySymbols(value).length > 0) throw new Defect("a symbol is no key of a message");
    const keys = Object.keys(value);
    this.#head(keys.length, 0x80, 15, 0, 0xde);
    for (const key of keys) {
      if (key === "__proto__") throw new Defect("nothing can be read into this key");
      this.#string(key);
      this.#value(value[key]);
    }
  }

  #array(value: readonly unknown[]): void {
    const { length } = value;
    this.#head(length, 0x90, 15, 0, 0xdc);
    for (let index = 0; index < length; index += 1) {
      const member = value[index];
      if (member === undefined && !(index in value)) throw new Defect("a hole in an array is no message");
      // A call less for each member of what long arrays mostly hold.
      if (typeof member === "number") this.#number(member);
      else this.#value(member);
    }
  }

  #bytes(value: Uint8Array): void {
    this.#head(value.byteLength, 0, -1, 0xc4, 0xc5);
    this.#reserve(value.byteLength);
    this.#slab.set(value, this.#at);
    this.#at += value.byteLength;
  }

  #string(value: string): void {
    const { length } = value;
    if (length < byCharacterMax && this.#ascii(value)) return;
    // The length has room for the longest that it may be: to know how long a short one is takes longer than to write it.
    const bytesMax = length < exactFrom ? 3 * length : Buffer.byteLength(value);
    const headBytes = bytesMax < 0x100 ? 2 : bytesMax < 0x1_0000 ? 3 : 5;
    this.#reserve(headBytes + bytesMax);
    const at = this.#at;
    const byteLength = this.#slab.write(value, at + headBytes);
    if (headBytes === 2) {
      this.#slab[at] = 0xd9;
      this.#slab[at + 1] = byteLength;
    } else if (headBytes === 3) {
      this.#slab[at] = 0xda;
      this.#view.setUint16(at + 1, byteLength);
    } else {
      this.#slab[at] = 0xdb;
      this.#view.setUint32(at + 1, byteLength);
    }
    this.#at = at + headBytes + byteLength;
  }

  /** False, and nothing is written, when a character takes more than one byte. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#reserve(2 + byCharacterMax);
    const slab = this.#slab;
    let at = this.#at;
    if (length < 32) {
      slab[at++] = 0xa0 | length;
    } else {
      slab[at++] = 0xd9;
      slab[at++] = length;
    }
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      slab[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #number(value: number): void {
    this.#reserve(9);
    const slab = this.#slab;
    const at = this.#at;
    if (value >>> 0 === value) {
      if (value < 0x80) {
        slab[at] = value;
        this.#at = at + 1;
      } else if (value < 0x100) {
        slab[at] = 0xcc;
        slab[at + 1] = value;
        this.#at = at + 2;
      } else if (value < 0x1_0000) {
        slab[at] = 0xcd;
        slab[at + 1] = value >> 8;
        slab[at + 2] = value;
        this.#at = at + 3;
      } else {
        slab[at] = 0xce;
        this.#view.setUint32(at + 1, value);
        this.#at = at + 5;
      }
    } else if (value >> 0 === value) {
      slab[at] = 0xd2;
      this.#view.setInt32(at + 1, value);
      this.#at = at + 5;
    } else {
      slab[at] = 0xcb;
      this.#view.setFloat64(at + 1, value);
      this.#at = at + 9;
    }
  }

  #bigint(value: bigint): void {
    this.#reserve(9);
    if (BigInt.asIntN(64, value) === value) {
      this.#slab[this.#at] = 0xd3;
      this.#view.setBigInt64(this.#at + 1, value);
      this.#at += 9;
    } else if (BigInt.asUintN(64, value) === value) {
      this.#slab[this.#at] = 0xcf;
      this.#view.setBigUint64(this.#at + 1, value);
      this.#at += 9;
    } else this.#longBigint(value);
  }

  /** Two's complement, as short as it can be, highest byte first. */
  #longBigint(value: bigint): void {
    const isNegative = value < 0n;
    const digits = (isNegative ? ~value : value).toString(16);
    const even = digits.length % 2 === 0 ? digits : `0${digits}`;
    // The highest bit is the sign.
    const bytes = Buffer.from(even.charCodeAt(0) > 0x37 ? `00${even}` : even, "hex");
    if (isNegative) for (const [index, byte] of bytes.entries()) bytes[index] = ~byte;

    this.#reserve(6 + bytes.byteLength);
    this.#slab[this.#at] = 0xc9;
    this.#view.setUint32(this.#at + 1, bytes.byteLength);
    this.#slab[this.#at + 5] = 0x42;
    this.#slab.set(bytes, this.#at + 6);
    this.#at += 6 + bytes.byteLength;
  }

  /** A count in front: in the tag itself up to `shortMax`; else after `tag8`, if there is one, `tag16`, or the one behind. */
  #head(count: number, shortTag: number, shortMax: number, tag8: number, tag16: number): void {
    this.#reserve(5);
    const slab = this.#slab;
    const at = this.#at;
    if (count <= shortMax) {
      slab[at] = shortTag | count;
      this.#at = at + 1;
    } else if (tag8 !== 0 && count < 0x100) {
      slab[at] = tag8;
      slab[at + 1] = count;
      this.#at = at + 2;
    } else if (count < 0x1_0000) {
      slab[at] = tag16;
      slab[at + 1] = count >> 8;
      slab[at + 2] = count;
      this.#at = at + 3;
    } else {
      slab[at] = tag16 + 1;
      this.#view.setUint32(at + 1, count);
      this.#at = at + 5;
    }
  }

  #tag(value: number): void {
    this.#reserve(1);
    this.#slab[this.#at] = value;
    this.#at += 1;
  }

  /** Room for `count` more bytes of this message. */
  #reserve(count: number): void {
    if (this.#slab.byteLength - this.#at < count) this.#grow(count);
  }

  #grow(count: number): void {
    const written = this.#slab.subarray(this.#start, this.#at);
    this.#begin(Math.max(slabBytes, 2 * (written.byteLength + count)));
    this.#slab.set(written);
    this.#start = 0;
    this.#at = written.byteLength;
  }

  #begin(sizeBytes: number): void {
    this.#slab = Buffer.allocUnsafeSlow(sizeBytes);
    this.#view = new DataView(this.#slab.buffer);
    this.#at = 0;
  }
}
