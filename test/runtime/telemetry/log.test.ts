/** Log lines, and the file they go to. The file tests use a real directory, because rotation is about real names. */
import assert from "node:assert/strict";
import { pbkdf2 } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { createLog } from "#runtime/real/log.ts";
import { logFilePartsMax, logRetryMs, openLogFile } from "#runtime/real/log-file.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { memoryLog } from "#runtime/simulated/log.ts";
import type { LogFields } from "#runtime/telemetry/log.ts";
import { redacted } from "#runtime/telemetry/redact.ts";

const wallMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

function start(level: "debug" | "info" | "silent" = "debug", fields: LogFields = {}) {
  const lines: string[] = [];
  const clock = new ManualClock(wallMs);
  const log = createLog({ sink: { write: (line) => void lines.push(line) }, level, clock, fields });
  return { log, lines };
}

describe("log: lines", () => {
  it("are JSON with level, wall time, event and fields, one line each", () => {
    const { log, lines } = start("debug", { cell: "data" });

    log.info("storage.opened", { packCount: 3, note: "two\nlines" });

    assert.deepEqual(lines, [
      '{"level":"info","time":"2026-01-02T03:04:05.006Z","event":"storage.opened",' +
        '"cell":"data","packCount":3,"note":"two\\nlines"}\n',
    ]);
  });

  it("below the level are not written, and their fields not looked at", () => {
    const { log, lines } = start("info");
    const untouched = {
      get field(): string {
        throw new TypeError("looked at");
      },
    };

    log.debug("hidden", untouched);
    log.warn("shown");
    log.error("shown");

    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      ["warn", "error"],
    );
  });

  it("carry the fields of `with`, each name once, the nearest winning", () => {
    const { log, lines } = start("debug", { cell: "data", actor: "none" });

    log.with({ actor: "storage" }).with({ incarnation: 2 }).info("started", { incarnation: 3 });

    const line = lines[0] ?? "";
    assert.deepEqual(JSON.parse(line), {
      level: "info",
      time: "2026-01-02T03:04:05.006Z",
      event: "started",
      cell: "data",
      actor: "storage",
      incarnation: 3,
    });
    assert.equal(line.match(/"(actor|incarnation)"/g)?.length, 2);
  });

  it("are redacted, in the fields and in those of `with`", () => {
    const { log, lines } = start("debug", { token: "a" });

    log.with({ secret: "b" }).info("x", { deep: { password: "c" } });

    const { token, secret, deep } = JSON.parse(lines[0] ?? "");
    assert.deepEqual({ token, secret, deep }, { token: redacted, secret: redacted, deep: { password: redacted } });
  });

  it("keep their own level, time and event where a field claims the name", () => {
    const { log, lines } = start();

    log.info("real", { event: "false", level: "fatal", time: 0 });

    const line = JSON.parse(lines[0] ?? "");
    assert.deepEqual([line.event, line.level, line.fieldEvent, line.fieldLevel], ["real", "info", "false", "fatal"]);
  });

  it("are remembered by the memory log as they would be written", () => {
    const log = memoryLog();

    log.with({ cell: "data" }).warn("full", { cookie: "x" });
    log.info("well");

    assert.deepEqual(log.events, ["full", "well"]);
    assert.deepEqual(log.entries[0], { level: "warn", event: "full", fields: { cell: "data", cookie: redacted } });
  });
});

/** Runs `body` with a path in a directory that is removed afterwards. */
async function inDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/cepa-log-`);
  try {
    await body(`${directory}/cell.log`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe("log file: rotation", () => {
  it("begins a new part before one grows over the limit, and keeps the newest parts only", () =>
    inDirectory(async (path) => {
      const file = openLogFile({ path, clock: new ManualClock(), fileBytesMax: 10 });

      for (const line of ["aaaa\n", "bbbb\n", "c\n", "dddddddd\n", "eeeeeeee\n", "ffffffff\n", "gggggggg\n"]) {
        file.write(line);
        await file.flush();
      }
      file.closeSync();

      const parts = ["", ".1", ".2", ".3"].map((suffix) => readFileSync(path + suffix, "utf8"));
      assert.deepEqual(parts, ["gggggggg\n", "ffffffff\n", "eeeeeeee\n", "dddddddd\n"]);
      assert.equal(parts.length, logFilePartsMax);
      assert(!existsSync(`${path}.4`));
      assert.equal(file.droppedCount, 0);
    }));

  it("fills a part to the last byte", () =>
    inDirectory(async (path) => {
      const file = openLogFile({ path, clock: new ManualClock(), fileBytesMax: 10 });

      file.write("aaaa\n");
      await file.flush();
      file.write("bbbb\n");
      await file.flush();

      assert.equal(readFileSync(path, "utf8"), "aaaa\nbbbb\n");
      assert(!existsSync(`${path}.1`));
      file.closeSync();
    }));

  it("goes on where an earlier process stopped", () =>
    inDirectory(async (path) => {
      for (const line of ["first\n", "second\n"]) {
        const file = openLogFile({ path, clock: new ManualClock() });
        file.write(line);
        file.closeSync();
      }

      assert.equal(readFileSync(path, "utf8"), "first\nsecond\n");
    }));
});

describe("log file: trouble", () => {
  it("drops and counts on a full disk, tries again after a pause, and then says how many were lost", () =>
    inDirectory(async (path) => {
      const clock = new ManualClock(wallMs);
      symlinkSync("/dev/full", path);
      const file = openLogFile({ path, clock });

      file.write("lost 1\n");
      file.write("lost 2\n");
      await file.flush();
      const afterFailure = file.droppedCount;
      file.write("lost 3\n");
      unlinkSync(path);
      await clock.advance(logRetryMs - 1);
      file.write("lost 4\n");
      await clock.advance(1);
      file.write("kept 1\n");
      await file.flush();
      file.write("kept 2\n");
      await file.flush();

      assert.equal(afterFailure, 2);
      assert.equal(file.droppedCount, 4);
      assert.equal(
        readFileSync(path, "utf8"),
        '{"level":"warn","time":"2026-01-02T03:04:10.006Z","event":"log.lines-dropped","count":4}\nkept 1\nkept 2\n',
      );
      file.closeSync();
    }));

  it("drops and counts where the directory is missing", () =>
    inDirectory(async (path) => {
      const file = openLogFile({ path: `${path}/no/such/place.log`, clock: new ManualClock() });

      file.write("lost\n");
      await file.flush();

      assert.equal(file.droppedCount, 1);
      file.closeSync();
    }));

  it("holds as much as it may while the disk is busy, and drops and counts the rest", () =>
    inDirectory(async (path) => {
      const file = openLogFile({ path, clock: new ManualClock(), waitingBytesMax: 10 });

      file.write("aaaa\n");
      file.write("bbbb\n");
      file.write("c\n");
      await file.flush();

      const [report, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
      assert.equal(JSON.parse(report ?? "").count, 1);
      assert.deepEqual(lines, ["aaaa", "bbbb"]);
      assert.equal(file.droppedCount, 1);
      file.closeSync();
    }));

  it("writes what waits, and what is under way, when it is closed at the last moment", () =>
    inDirectory(async (path) => {
      const file = openLogFile({ path, clock: new ManualClock() });
      const busy = occupyThreads();

      file.write("under way\n");
      await undefined;
      await undefined;
      file.write("waits\n");
      file.closeSync();
      file.closeSync();
      const atClose = readFileSync(path, "utf8");
      file.write("late\n");
      await file.flush();

      assert.equal(atClose, "under way\nwaits\n");
      assert.equal(readFileSync(path, "utf8"), "under way\nwaits\n");
      assert.equal(file.droppedCount, 1);
      await busy;
    }));
});

/** Keeps the threads busy that do the system's file work, so that what is under way stays so for a moment. */
async function occupyThreads(): Promise<void> {
  const derive = promisify(pbkdf2);
  await Promise.all([1, 2, 3, 4].map(() => derive("a", "b", 50_000, 64, "sha512")));
}
