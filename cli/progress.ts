/**
 * A progress bar on standard error, for people: only on a terminal, and only for what takes longer than a second.
 */
import { formatBytes, printable } from "#cli/console.ts";

/** A transfer that ends sooner shows no bar. */
export const PROGRESS_DELAY_MS = 1000;
/** Shortest time between two drawings. */
export const PROGRESS_INTERVAL_MS = 100;

const BAR_CELLS = 24;

export interface Progress {
  /** Bytes so far. */
  report(doneBytes: number): void;
  /** Removes the bar. */
  end(): void;
}

export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Line {
  /** `draw` runs only where a line is due. */
  show(draw: () => string): void;
  /** Removes the line. */
  end(): void;
}

/** `totalBytes` is undefined for a stream of unknown length: the bar is then only a count and a rate. */
export function startProgress(
  label: string,
  totalBytes: number | undefined,
  screen: Screen = process.stderr,
  nowMs: () => number = () => performance.now(),
): Progress {
  const startedMs = nowMs();
  const line = startLine(screen, nowMs);
  return {
    report: (doneBytes) => line.show(() => progressLine(label, doneBytes, totalBytes, nowMs() - startedMs)),
    end: () => line.end(),
  };
}

/** One line that is drawn again and again in its place. */
export function startLine(screen: Screen = process.stderr, nowMs: () => number = () => performance.now()): Line {
  if (screen.isTTY !== true) return { show: () => undefined, end: () => undefined };

  let drawnMs = nowMs() + PROGRESS_DELAY_MS - PROGRESS_INTERVAL_MS;
  let isDrawn = false;
  return {
    show(draw) {
      const now = nowMs();
      if (now - drawnMs < PROGRESS_INTERVAL_MS) return;
      drawnMs = now;
      isDrawn = true;
      // Some terminals say that they have no columns.
      screen.write(`\r\x1b[2K${printable(draw()).slice(0, (screen.columns || 80) - 1)}`);
    },
    end() {
      if (isDrawn) screen.write("\r\x1b[2K");
      isDrawn = false;
    },
  };
}

/** One drawing: label, bar, share, bytes, rate, time left. */
export function progressLine(
  label: string,
  doneBytes: number,
  totalBytes: number | undefined,
  elapsedMs: number,
): string {
  const bytesPerSecond = elapsedMs > 0 ? (doneBytes * 1000) / elapsedMs : 0;
  const rate = `${formatBytes(bytesPerSecond)}/s`;
  if (totalBytes === undefined || totalBytes === 0) return `${label} ${formatBytes(doneBytes)} ${rate}`;

  const leftSeconds = bytesPerSecond > 0 ? Math.ceil((totalBytes - doneBytes) / bytesPerSecond) : 0;
  return `${label} ${shareBar(doneBytes, totalBytes)} ${rate} ${leftSeconds} s left`;
}

/** A bar, what share that is, and of what, which is more than nothing. */
export function shareBar(doneBytes: number, totalBytes: number): string {
  const share = Math.min(1, doneBytes / totalBytes);
  const filled = Math.round(share * BAR_CELLS);
  const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${bar}${percent} ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}
