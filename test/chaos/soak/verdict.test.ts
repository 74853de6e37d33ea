/** What a soak comes to: it passes when all of it does, and one descriptor more is seen. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileCounts } from "#chaos/soak/data-files.ts";
import { growthRows } from "#chaos/soak/growth-rows.ts";
import { DELETED_FILE, kindOf, PACK, restProblem } from "#chaos/soak/rest.ts";
import { type Sample, slopeOf } from "#chaos/soak/slope.ts";
import { judgeSoak, type SoakFindings } from "#chaos/soak/verdict.ts";
import { hour, minute } from "#runtime/units.ts";

const before = { data: { socket: 8, [PACK]: 3, threads: 23 }, root: { pipe: 4 } };

function held(percentPerHour: number, spanMs: number = 45 * minute): readonly Sample[] {
  return Array.from({ length: 36 }, (_, at) => {
    const atMs = (spanMs * at) / 35;
    return { atMs, value: 1e7 * (1 + (percentPerHour * atMs) / hour / 100) };
  });
}

function findings(more: Partial<SoakFindings> = {}): SoakFindings {
  const problems = { "every-event-is-accounted-for": undefined };
  return { problems, held: { data: held(0), root: held(0.5) }, restBefore: before, restAfter: before, ...more };
}

describe("chaos soak at rest", () => {
  it("is as before, however many packs are open", () => {
    assert.equal(restProblem(before, { ...before, data: { ...before.data, [PACK]: 90 } }), undefined);
  });

  for (const [what, data, says] of [
    ["one descriptor more", { socket: 9 }, "data has 9 of socket, and had 8"],
    ["one descriptor less", { socket: 7 }, "data has 7 of socket, and had 8"],
    ["one thread more", { threads: 24 }, "data has 24 of threads, and had 23"],
    ["a file that is new", { "file /x": 1 }, "data has 1 of file /x, and had 0"],
    ["a deleted file that is open", { [DELETED_FILE]: 1 }, "data has 1 of deleted file, and had 0"],
  ] as const) {
    it(`is not with ${what}`, () => {
      assert.equal(restProblem(before, { ...before, data: { ...before.data, ...data } }), says);
    });
  }

  it("is not without one of its processes", () => {
    assert.equal(restProblem(before, { data: before.data }), "root has 0 of pipe, and had 4");
  });

  it("has no file in its data directory that it had not, but for more packs", () => {
    const files = ["node.lock", "keeps/000000000001.log", "packs/0000000a.pack", "postgres/base/1/2", "logs/data.log"];
    const was = { "the data directory": fileCounts(files) };
    const problemWith = (...more: readonly string[]) =>
      restProblem(was, { "the data directory": fileCounts([...files, ...more]) });

    assert.deepEqual(was, {
      "the data directory": { "file node.lock": 1, "file keeps/#.log": 1, [PACK]: 1 },
    });
    assert.equal(problemWith("packs/0000000b.pack", "postgres/base/1/3", "logs/data.log.1"), undefined);
    assert.equal(
      problemWith("packs/0000000b.pack.17-1.tmp"),
      "the data directory has 1 of file packs/#b.pack.#-#.tmp, and had 0",
    );
    assert.equal(problemWith("keeps/000000000002.log"), "the data directory has 2 of file keeps/#.log, and had 1");
  });

  it("knows descriptors by what they lead to", () => {
    const targets = [
      "socket:[123]",
      "pipe:[5]",
      "anon_inode:[eventpoll]",
      "/d/packs/1.pack",
      "/d/packs/1.pack (deleted)",
    ];

    const kinds = [...targets, "/dev/null", "/d1/keeps/0002.log", "/d1/r/aof.7.incr.2"].map(kindOf);
    assert.deepEqual(kinds, [
      "socket",
      "pipe",
      "anon_inode:[eventpoll]",
      PACK,
      DELETED_FILE,
      "file /dev/null",
      "file /d1/keeps/#.log",
      "file /d1/r/aof.#.incr.#",
    ]);
  });
});

describe("chaos soak verdict", () => {
  it("is a pass where everything is", () => {
    const { verdict, checks } = judgeSoak(findings());

    assert.equal(verdict, "pass");
    assert.deepEqual([...new Set(Object.values(checks))], ["pass"]);
  });

  it("is a failure where a check says what is wrong, a heap grows, or something is left", () => {
    const restAfter = { ...before, root: { pipe: 5 } };

    assert.equal(judgeSoak(findings({ problems: { x: "an event is missing" } })).verdict, "fail");
    assert.equal(judgeSoak(findings({ restAfter })).verdict, "fail");
    const grown = judgeSoak(findings({ held: { data: held(2), root: held(0) } }));
    assert.equal(grown.verdict, "fail");
    assert.match(grown.checks["heaps-do-not-grow"] ?? "", /^it grows: data 1\.99 %\/h/);
  });

  it("is open where it was too short to say, or nothing was looked at, unless something is wrong", () => {
    const young = { data: held(30, minute) };

    assert.equal(judgeSoak(findings({ held: young })).verdict, "undecided");
    assert.equal(judgeSoak(findings({ held: {} })).verdict, "undecided");
    assert.equal(judgeSoak(findings({ held: young, problems: { x: "an event is missing" } })).verdict, "fail");
  });

  it("says over how short a time it was judged, once for all processes, and what to give instead", () => {
    const young = { data: held(30, 1.5 * minute), root: held(20, 1.5 * minute) };

    const { checks } = judgeSoak(findings({ held: young }));
    assert.equal(checks["heaps-do-not-grow"], "undecided: judged over 1.5 min, give --minutes 60");
  });

  it("says which process it cannot tell of where the time was long enough", () => {
    const { checks } = judgeSoak(findings({ held: { data: held(0), root: noisy() } }));

    assert.match(
      checks["heaps-do-not-grow"] ?? "",
      /^undecided: root \S+ %\/h \(\S+ to \S+\): 1 %\/h is between these, judged over 45\.0 min, give more --minutes$/,
    );
  });
});

function noisy(): readonly Sample[] {
  return held(1).map(({ atMs, value }, at) => ({ atMs, value: value * (1 + 0.01 * Math.sin(at ** 2)) }));
}

describe("chaos soak growth, by process", () => {
  it("has the slope, its interval, and the word of the verdict, each once", () => {
    const slopes = { data: slopeOf(held(0.5)), root: slopeOf(held(2)), work: slopeOf(held(30, 1.5 * minute)) };

    const rows = growthRows({ ...slopes, ops: undefined });
    assert.deepEqual(
      rows.map(({ line }) => line.replaceAll(/ {3,}/g, "  ")),
      [
        "soak.growth-data  0.499 %/h  (0.499 to 0.499): pass",
        "soak.growth-root  1.99 %/h  (1.99 to 1.99): fail: ≤ 1 %/h wanted",
        "soak.growth-work  29.9 %/h  (29.9 to 29.9): undecided: judged over 1.5 min, give --minutes 60",
        "soak.growth-ops  undecided: too few samples",
      ],
    );
    assert.deepEqual(
      rows.map(({ verdict }) => verdict),
      ["pass", "fail", "undecided", "undecided"],
    );
  });

  it("has the ends of the interval, with the slope between them", () => {
    const slope = slopeOf(noisy());
    const [row] = growthRows({ data: slope });
    assert(row !== undefined && slope !== undefined);

    const { value = 0, low = 0, high = 0 } = row;
    assert(low < value && value < high, JSON.stringify(row));
    assert(row.line.includes(`(${low} to ${high}): undecided: 1 %/h is between these, `), row.line);
    assert.deepEqual(
      [low, high].map((end) => end.toPrecision(3)),
      [slope.low, slope.high].map((end) => end.toPrecision(3)),
    );
  });
});
