/**
 * The two streams of a command: results go to standard output, everything else to standard error.
 *
 * A reader that goes away (`cepa ps | head -1`) ends the command quietly. Colour is for terminals, and never used when
 * NO_COLOR is set.
 */
import { stripVTControlCharacters, styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];

/** Ends the process without a word when whoever reads its output is gone. Called once, first. */
export function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // 141 is what a shell reports for a program that SIGPIPE ended.
      process.exit(error.code === "EPIPE" ? 141 : 1);
    });
  }
}

/** One line of result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line beside the result. */
export function note(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

/** Colours `text` if standard output is a terminal that wants colour. */
export function paint(style: Style, text: string): string {
  // Node lets FORCE_COLOR win over NO_COLOR.
  if (text === "" || (process.env["NO_COLOR"] ?? "") !== "") return text;
  return styleText(style, text, { stream: process.stdout });
}

/** Rows as columns of equal width, two spaces apart; the last is not padded. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
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
