/**
 * Names of the objects that make a file: `FILE.GENERATION.KIND…`, below the path of the file.
 *
 * `FILE` is the generation with which the file was made, so that two files which had the same path one after the other
 * share nothing. Generations are 16 hex digits, and sort as text. A name says how long its object is: one that is shorter is
 * what a server that is not atomic has kept of a put that it never answered.
 */

/** Bytes from `start` of the file. */
export interface ExtentName {
  readonly kind: "extent";
  readonly file: string;
  readonly generation: string;
  readonly start: number;
  readonly lengthBytes: number;
}
/** The table of all extents up to its generation, of a file that is `sizeBytes` long by then. */
export interface HeadName {
  readonly kind: "head";
  readonly file: string;
  readonly generation: string;
  readonly sizeBytes: number;
  /** Of the object itself. */
  readonly lengthBytes: number;
}
/** The file was removed. */
export interface GoneName {
  readonly kind: "gone";
  readonly file: string;
  readonly generation: string;
}
export type ObjectName = ExtentName | HeadName | GoneName;

const NAME = /^([0-9a-f]{16})\.([0-9a-f]{16})\.(?:(e|h)\.([0-9a-f]{1,14})\.([0-9a-f]{1,14})|x)$/;
/** Nodes that have written there, each with a higher number; it is the front half of a generation. */
const LIFE_DIGITS = 8;

export function formatName(name: ObjectName): string {
  const front = `${name.file}.${name.generation}`;
  if (name.kind === "gone") return `${front}.x`;
  if (name.kind === "head") return `${front}.h.${hex(name.sizeBytes)}.${hex(name.lengthBytes)}`;
  return `${front}.e.${hex(name.start)}.${hex(name.lengthBytes)}`;
}

/** Undefined for anything that `formatName` would not write. */
export function parseName(text: string): ObjectName | undefined {
  const [, file, generation, kind, first = "", second = ""] = NAME.exec(text) ?? [];
  if (file === undefined || generation === undefined) return undefined;
  if (kind === undefined) return { kind: "gone", file, generation };
  const [number, lengthBytes] = [Number.parseInt(first, 16), Number.parseInt(second, 16)];
  const name: ObjectName =
    kind === "h"
      ? { kind: "head", file, generation, sizeBytes: number, lengthBytes }
      : { kind: "extent", file, generation, start: number, lengthBytes };
  const isExact = Number.isSafeInteger(number) && Number.isSafeInteger(lengthBytes) && formatName(name) === text;
  return isExact ? name : undefined;
}

/** The `count`th generation of a life. */
export function generationOf(life: number, count: number): string {
  return hex(life).padStart(LIFE_DIGITS, "0") + hex(count).padStart(LIFE_DIGITS, "0");
}

/** The life that a generation is of. */
export function lifeOf(generation: string): number {
  return Number.parseInt(generation.slice(0, LIFE_DIGITS), 16);
}

function hex(number: number): string {
  return number.toString(16);
}
