/** The progress bar, on a screen that is an array and a clock that is a number. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { columns, formatBytes, formatTime, paint } from "#cli/console.ts";
import { PROGRESS_DELAY_MS, PROGRESS_INTERVAL_MS, progressLine, startLine, startProgress } from "#cli/progress.ts";

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 100, written, write: (text: string) => written.push(text) };
}

describe("cli: progress", () => {
  it("draws nothing where nobody watches", () => {
    const quiet = screen(false);
    let nowMs = 0;
    const progress = startProgress("x", 100, quiet, () => nowMs);

    nowMs = 10 * PROGRESS_DELAY_MS;
    progress.report(50);
    progress.end();

    assert.deepEqual(quiet.written, []);
  });

  it("draws from the first second on, not before it, and then at intervals", () => {
    const terminal = screen(true);
    let nowMs = 0;
    const progress = startProgress("x", 100, terminal, () => nowMs);

    const drawnAt = [PROGRESS_DELAY_MS - 1, PROGRESS_DELAY_MS, PROGRESS_DELAY_MS + PROGRESS_INTERVAL_MS - 1].map(
      (at) => {
        nowMs = at;
        progress.report(50);
        return terminal.written.length;
      },
    );

    assert.deepEqual(drawnAt, [0, 1, 1]);
  });

  it("cuts the line to the terminal, and takes one that says it has no columns for a usual one", () => {
    const widths = [20, 0, undefined].map((columns) => {
      const terminal = { ...screen(true), columns };
      let nowMs = 0;
      const line = startLine(terminal, () => nowMs);
      nowMs = PROGRESS_DELAY_MS;
      line.show(() => "x".repeat(100));
      return terminal.written[0]?.match(/x+/)?.[0].length;
    });

    assert.deepEqual(widths, [19, 79, 79]);
  });

  it("leaves no trace", () => {
    const terminal = screen(true);
    let nowMs = 0;
    const progress = startProgress("x", 100, terminal, () => nowMs);
    progress.end();
    assert.deepEqual(terminal.written, []);

    nowMs = PROGRESS_DELAY_MS;
    progress.report(50);
    progress.end();

    assert.equal(terminal.written.at(-1), "\r\x1b[2K");
  });

  it("shows share, rate and time left, and without a total a count and a rate", () => {
    const half = progressLine("iso", 5 * 1024 * 1024, 10 * 1024 * 1024, 1000);
    const open = progressLine("stdin", 2048, undefined, 1000);

    assert.equal(half, `iso ${"█".repeat(12)}${"░".repeat(12)} 50% 5.0 MiB of 10.0 MiB 5.0 MiB/s 1 s left`);
    assert.equal(open, "stdin 2.0 KiB 2.0 KiB/s");
  });
});

describe("cli: console", () => {
  it("aligns columns by what is seen, colours left out", () => {
    assert.deepEqual(
      columns([
        ["a", paint("green", "bb"), "c"],
        ["aaa", "b", "c", ""],
      ]),
      [
        ["a", "    ", paint("green", "bb"), "  ", "c"],
        ["aaa", "  ", "b", "   ", "c"],
      ],
    );
  });

  it("says sizes as people do, on both sides of a unit", () => {
    assert.deepEqual([0, 1023, 1024, 1536, 1_048_576].map(formatBytes), [
      "0 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "1.0 MiB",
    ]);
  });

  it("says times as people do, rounded up, on both sides of a unit", () => {
    assert.deepEqual(
      [0, 1, 119_000, 119_001, 7_140_000, 7_140_001, 71 * 3_600_000, 71 * 3_600_000 + 1].map(formatTime),
      ["0 s", "1 s", "119 s", "2 min", "119 min", "2 h", "71 h", "3 d"],
    );
  });
});
