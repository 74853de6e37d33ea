/**
 * Which object holds which bytes of a file. What no object holds reads as zeros.
 *
 * Invariant: pieces are in order of their starts, do not overlap, and none is empty.
 */
import type { ExtentName } from "#runtime/bucket/object-name.ts";

/** An object that holds bytes of a file. */
export type Extent = Omit<ExtentName, "kind" | "file">;

/** The bytes from `from` to before `to` of the file are in `extent`, at their place in it. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly extent: Extent;
}

const TITLE = "cepa-extents/1";
const LINE = /^([0-9a-f]{1,14}) ([0-9a-f]{1,14}) ([0-9a-f]{16}) ([0-9a-f]{1,14}) ([0-9a-f]{1,14})$/;

export class ExtentTable {
  #pieces: Piece[];

  constructor(pieces: readonly Piece[] = []) {
    this.#pieces = [...pieces];
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Behind the last byte that an object holds. */
  get end(): number {
    return this.#pieces.at(-1)?.to ?? 0;
  }

  /** Its bytes are newer than all that were there. */
  add(extent: Extent): void {
    const from = extent.start;
    const to = from + extent.lengthBytes;
    const last = this.#pieces.at(-1);
    if (last === undefined || last.to <= from) {
      this.#pieces.push({ from, to, extent });
      return;
    }
    const around = this.#pieces.flatMap((piece) => without(piece, from, to));
    const index = around.findIndex((piece) => piece.from >= to);
    around.splice(index < 0 ? around.length : index, 0, { from, to, extent });
    this.#pieces = around;
  }

  /** What lies behind is no more, also when the file grows again. */
  cut(sizeBytes: number): void {
    this.#pieces = this.#pieces.flatMap((piece) => without(piece, sizeBytes, Number.POSITIVE_INFINITY));
  }

  /** The pieces from `from` to before `to`, no wider than that. */
  within(from: number, to: number): readonly Piece[] {
    return this.#pieces
      .map((piece) => ({ ...piece, from: Math.max(from, piece.from), to: Math.min(to, piece.to) }))
      .filter((piece) => piece.from < piece.to);
  }

  /** Generations of the objects that hold any byte. */
  generations(): ReadonlySet<string> {
    return new Set(this.#pieces.map(({ extent }) => extent.generation));
  }
}

/** The body of a head. */
export function encodeTable({ pieces }: ExtentTable): Uint8Array {
  const lines = pieces.map(({ from, to, extent: { generation, start, lengthBytes } }) =>
    [from.toString(16), to.toString(16), generation, start.toString(16), lengthBytes.toString(16)].join(" "),
  );
  return Buffer.from(`${[TITLE, ...lines].join("\n")}\n`);
}

/** Undefined for anything that `encodeTable` would not write. */
export function decodeTable(body: Uint8Array): ExtentTable | undefined {
  const [title, ...lines] = Buffer.from(body).toString("latin1").split("\n");
  if (title !== TITLE || lines.pop() !== "") return undefined;
  const pieces: Piece[] = [];
  for (const line of lines) {
    const [, from = "", to = "", generation = "", start = "", length = ""] = LINE.exec(line) ?? [];
    if (generation === "") return undefined;
    const extent = { generation, start: Number.parseInt(start, 16), lengthBytes: Number.parseInt(length, 16) };
    const piece = { from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), extent };
    const isOfExtent = piece.from >= extent.start && piece.to <= extent.start + extent.lengthBytes;
    if (!isOfExtent || piece.from >= piece.to || piece.from < (pieces.at(-1)?.to ?? 0)) return undefined;
    pieces.push(piece);
  }
  const table = new ExtentTable(pieces);
  return Buffer.compare(encodeTable(table), body) === 0 ? table : undefined;
}

/** What is left of the piece without the bytes from `from` to before `to`. */
function without(piece: Piece, from: number, to: number): readonly Piece[] {
  if (piece.to <= from || piece.from >= to) return [piece];
  const before = piece.from < from ? [{ ...piece, to: from }] : [];
  const after = piece.to > to ? [{ ...piece, from: to }] : [];
  return [...before, ...after];
}
