/**
 * Writes WebAssembly modules of one function: just the instructions that a kernel consists of, as bytes.
 *
 * A module has one memory, imported as `tiles.memory`, and exports its function as `run (i32) → ()`.
 */

/** Instructions, encoded. */
export type Code = readonly number[];

export interface FunctionBody {
  /** Local 0 is the argument; then these many of 32 bits, then these many vectors of 16 bytes. */
  readonly intLocals: number;
  readonly vectorLocals: number;
  readonly code: Code;
  /** Of the imported memory, 64 KiB each: neither more nor fewer. */
  readonly memoryPages: number;
}

const I32 = 0x7f;
const V128 = 0x7b;
const NO_RESULT = 0x40;
const FUNCTION = 0x60;
const BOUNDED = 1;
/** Address arithmetic is in bytes of 2^4: a vector begins at a multiple of its length. */
const VECTOR_ALIGNMENT = 4;

const END: Code = [0x0b];
const vectorOp = (op: number): Code => [0xfd, ...unsigned(op)];

/** Pushes a local. */
export const get = (local: number): Code => [0x20, ...unsigned(local)];
/** Pops into a local. */
export const set = (local: number): Code => [0x21, ...unsigned(local)];
/** Stores into a local what stays on the stack. */
export const tee = (local: number): Code => [0x22, ...unsigned(local)];
/** Pushes a number below 2^31. */
export const int = (value: number): Code => [0x41, ...signed(value)];
export const addInts: Code = [0x6a];
export const lessThan: Code = [0x49];
/** Repeats `code` while it leaves something other than zero on the stack. */
export const repeatWhile = (code: Code): Code => [0x03, NO_RESULT, ...code, 0x0d, 0, ...END];

/** Pushes the 16 bytes at the address on the stack plus `offset`. */
export const loadVector = (offset: number): Code => [...vectorOp(0), VECTOR_ALIGNMENT, ...unsigned(offset)];
/** Pops 16 bytes and stores them at the address below them on the stack plus `offset`. */
export const storeVector = (offset: number): Code => [...vectorOp(11), VECTOR_ALIGNMENT, ...unsigned(offset)];
/** Pushes 16 times the same byte. */
export const splat = (byte: number): Code => [...vectorOp(12), ...Array.from({ length: 16 }, () => byte)];
export const xorVectors: Code = vectorOp(81);
export const andVectors: Code = vectorOp(78);
export const addBytes: Code = vectorOp(110);
/** Of signed bytes: all ones where the lower operand is greater, else zero. */
export const greaterBytes: Code = vectorOp(39);

export function writeModule({ intLocals, vectorLocals, code, memoryPages }: FunctionBody): Uint8Array<ArrayBuffer> {
  const locals = list([
    [...unsigned(intLocals), I32],
    [...unsigned(vectorLocals), V128],
  ]);
  const body = [...locals, ...code, ...END];
  const memory = [...name("tiles"), ...name("memory"), 2, BOUNDED, ...unsigned(memoryPages), ...unsigned(memoryPages)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([[FUNCTION, ...list([[I32]]), ...list([])]])),
    ...section(2, list([memory])),
    ...section(3, list([[0]])),
    ...section(7, list([[...name("run"), 0, 0]])),
    ...section(10, list([[...unsigned(body.length), ...body]])),
  ]);
}

function section(id: number, contents: Code): Code {
  return [id, ...unsigned(contents.length), ...contents];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return [...unsigned(text.length), ...new TextEncoder().encode(text)];
}

/** LEB128: seven bits a byte, the lowest first. */
function unsigned(value: number): Code {
  const rest = Math.floor(value / 128);
  return rest === 0 ? [value] : [(value % 128) | 0x80, ...unsigned(rest)];
}

/** The same for what may be negative, which no number here is: only the sign bit of the last byte has to be free. */
function signed(value: number): Code {
  return value < 64 ? [value] : [(value % 128) | 0x80, ...signed(Math.floor(value / 128))];
}
