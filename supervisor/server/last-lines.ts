/** What a server said last: a few lines, each cut, whatever it writes. */
import type { OutputStream } from "#runtime/processes.ts";

/** Lines that are kept; the oldest is forgotten. */
export const SERVER_LINES_MAX = 8;
/** Characters of a line that are kept. */
export const SERVER_LINE_LENGTH_MAX = 200;

/** A line that has no end yet. */
interface Begun {
  readonly decoder: TextDecoder;
  text: string;
}

export class LastLines {
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  readonly #begun: Readonly<Record<OutputStream, Begun>> = { stdout: begin(), stderr: begin() };

  /** `onLine` hears every line that is not empty, cut. */
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array, stream: OutputStream): void {
    const begun = this.#begun[stream];
    const lines = (begun.text + begun.decoder.decode(bytes, { stream: true })).split("\n");
    begun.text = cut(lines.pop() ?? "");
    for (const line of lines) this.#keep(cut(line.trimEnd()));
  }

  /** On one line, the oldest first, what was not ended included. */
  toString(): string {
    const begun = Object.values(this.#begun).map(({ text }) => text.trimEnd());
    return [...this.#lines, ...begun.filter((text) => text !== "")].slice(-SERVER_LINES_MAX).join(" | ");
  }

  #keep(line: string): void {
    if (line === "") return;
    this.#onLine(line);
    this.#lines.push(line);
    if (this.#lines.length > SERVER_LINES_MAX) this.#lines.shift();
  }
}

function begin(): Begun {
  return { decoder: new TextDecoder(), text: "" };
}

function cut(line: string): string {
  return line.slice(0, SERVER_LINE_LENGTH_MAX);
}
