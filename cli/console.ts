/**
 * The two streams of a command: results go to standard output, everything else to standard error.
 *
 * What is said to people may have names in it that anybody chose: of files, in trees, in answers. So it is made printable
 * here, where it is written, and nothing but `Painted` makes a terminal do anything. Bytes of objects do not come through.
 *
 * A reader that goes away (`cepa ps | head -1`) ends the command quietly. Colour is for terminals, and never used when
 * NO_COLOR is set.
 */
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { styleText } from "node:util";
import { type CliFailure, errnoOf, type NodeRefusal, reasonOf } from "#cli/failure.ts";
import { withoutKeys } from "#client/link.ts";
import { hour, minute, second } from "#runtime/units.ts";

/** What a shell reports for a program that SIGPIPE ended. */
const BROKEN_PIPE_EXIT_CODE = 141;

export type Style = Parameters<typeof styleText>[0];

/** Text that is coloured if standard output is a terminal that wants colour. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}

export type Piece = string | Painted;

/** Ends the process without a word when whoever reads its output is gone. Called once, first. */
export function endQuietlyOnBrokenPipe(): void {
  process.stdout.on("error", endForOutput);
  process.stderr.on("error", (error) => process.exit(errnoOf(error) === "EPIPE" ? BROKEN_PIPE_EXIT_CODE : 1));
}

/** One line of result. The process ends when it cannot be written whole. */
export function print(...pieces: readonly Piece[]): void {
  const line = pieces.map(shown).join("");
  if (!isPlain(process.stdout.fd)) {
    process.stdout.write(`${line}\n`);
    return;
  }
  try {
    let rest = Buffer.from(`${line}\n`);
    // A nearly full disk takes a part of a write and calls that a success; `process.stdout` believes it.
    while (rest.byteLength > 0) rest = rest.subarray(writeSync(process.stdout.fd, rest));
  } catch (error) {
    endForOutput(error);
  }
}

/** Whether the descriptor is a file or a device that is no terminal: what takes a write at once, though not always whole. */
export function isPlain(descriptor: number): boolean {
  const facts = fstatSync(descriptor);
  return facts.isFile() || (facts.isCharacterDevice() && !isatty(descriptor));
}

function endForOutput(error: unknown): never {
  if (errnoOf(error) === "EPIPE") process.exit(BROKEN_PIPE_EXIT_CODE);
  const message = `standard output: ${reasonOf(error)}`;
  // Nobody who prints knows how the command line has failures told.
  noteFailure({ code: "cli.file-unwritable", message }, { json: process.argv.includes("--json") });
  process.exit(1);
}

/** One line beside the result. A link that was given in the wrong place is not repeated with its key. */
export function note(line: string, json = false): void {
  if (json) writeJson({ note: line });
  else writeError(`cepa: ${withoutKeys(line)}`);
}

/** How failures are told: as a line for people, or as one of JSON, which names what failed by the members of `of`. */
export interface Telling {
  readonly json?: boolean | undefined;
  readonly of?: Readonly<Record<string, string>>;
}

/** One line beside the result in any case: results with a failure among them would be two kinds of lines. */
export function noteFailure({ code, message }: CliFailure | NodeRefusal, { json, of = {} }: Telling): void {
  if (json === true) writeJson({ ...of, error: { code, message } });
  else note([code, ...Object.values(of), message].filter((part) => part !== "").join(": "));
}

function writeJson(said: Readonly<Record<string, unknown>>): void {
  const keyless = (_: string, value: unknown): unknown => (typeof value === "string" ? withoutKeys(value) : value);
  writeError(JSON.stringify(said, keyless));
}

function writeError(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/**
 * `text` as a terminal takes it for text: controls (C0, DEL, C1) and what changes the direction of writing are escaped.
 * As JSON escapes them, so that a line of JSON still says the same.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

export function paint(style: Style, text: string): Painted {
  return { style, text };
}

/** The lines of a table: columns of equal width, two spaces apart; the last is not padded. */
export function columns(rows: readonly (readonly Piece[])[]): readonly (readonly Piece[])[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  return rows.map((row) => {
    const last = row.findLastIndex((cell) => widthOf(cell) > 0);
    return row.slice(0, last + 1).flatMap((cell, index) => {
      return index === last ? [cell] : [cell, " ".repeat((widths[index] ?? 0) - widthOf(cell) + 2)];
    });
  });
}

function widthOf(cell: Piece): number {
  return printable(textOf(cell)).length;
}

function shown(piece: Piece): string {
  const text = printable(textOf(piece));
  // Node lets FORCE_COLOR win over NO_COLOR.
  if (typeof piece === "string" || text === "" || (process.env["NO_COLOR"] ?? "") !== "") return text;
  return styleText(piece.style, text, { stream: process.stdout });
}

function textOf(piece: Piece): string {
  return typeof piece === "string" ? piece : piece.text;
}

/** `1536` is `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `90_000` is `90 s`: rounded up, in the smallest unit in which it is easy to read. */
export function formatTime(durationMs: number): string {
  const seconds = Math.ceil(durationMs / second);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(durationMs / minute);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.ceil(durationMs / hour);
  return hours < 72 ? `${hours} h` : `${Math.ceil(hours / 24)} d`;
}
