/** What Redis and whoever asks it say to each other, in RESP2: as much of it as is there whole. */

export type Said = string | number | null | readonly Said[];

export interface Whole {
  /** Bytes as latin1. */
  readonly said: Said;
  /** Behind its last byte. */
  readonly end: number;
}

/** What begins at `at`; undefined where its end is not there yet. */
export function readSaid(bytes: Buffer, at: number): Whole | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const kind = bytes.toString("latin1", at, at + 1);
  const line = bytes.toString("latin1", at + 1, lineEnd);
  const end = lineEnd + 2;
  if (kind === ":") return { said: Number(line), end };
  if (kind === "$") return readText(bytes, Number(line), end);
  if (kind === "*") return readList(bytes, Number(line), end);
  return { said: line, end };
}

function readText(bytes: Buffer, length: number, start: number): Whole | undefined {
  if (length < 0) return { said: null, end: start };
  const end = start + length + 2;
  return end > bytes.length ? undefined : { said: bytes.toString("latin1", start, end - 2), end };
}

function readList(bytes: Buffer, count: number, start: number): Whole | undefined {
  if (count < 0) return { said: null, end: start };
  const said: Said[] = [];
  let end = start;
  while (said.length < count) {
    const one = readSaid(bytes, end);
    if (one === undefined) return undefined;
    said.push(one.said);
    end = one.end;
  }
  return { said, end };
}
