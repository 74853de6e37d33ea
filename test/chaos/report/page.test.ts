/** The page about a run: what a reader takes from it is what was, and nothing that comes from outside is more than text. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Outcome, Sample } from "#chaos/outcome.ts";
import type { Plan } from "#chaos/plan.ts";
import { plantedBug } from "#chaos/plants.ts";
import { timeTicks, topOf } from "#chaos/report/axis.ts";
import { pageOf } from "#chaos/report/page.ts";
import { hour, minute, second } from "#runtime/units.ts";

const PLAN: Plan = {
  scenario: "own",
  seed: 7,
  durationMs: 30 * second,
  settlesWithinMs: 1 * second,
  clients: 2,
  pauseMs: 100,
  config: "",
  faults: [{ kind: "stop-cell", atMs: 3 * second, cell: "data", forMs: 6 * second }],
};

function sampleAt(seconds: number, more: Partial<Sample> = {}): Sample {
  const none = { served: 0, refused: 0, unanswered: 0, p50Ms: undefined, p99Ms: undefined, restarts: 0, depth: 0 };
  return { ...none, atMs: seconds * second, faults: 0, ...more };
}

function page(more: Partial<Outcome> = {}, { plan = PLAN, plant }: { plan?: Plan; plant?: string } = {}): string {
  const outcome: Outcome = {
    ...{ scenario: plan.scenario, executor: "sim", seed: 7, verdict: "pass", faults: {}, events: 5, digest: "abc" },
    ...{ checks: { "bytes-are-right": "pass" }, tally: {}, samples: [] },
    ...more,
  };
  return pageOf(plan, outcome, plant);
}

/** The part of a page under a heading. */
function under(heading: string, html: string): string {
  const [, part = ""] = html.split(`<h2>${heading}`);
  return part.split("<h2>")[0] ?? "";
}

const linesIn = (part: string): readonly string[] => [...part.matchAll(/<path d="([^"]*)"/g)].map(([, d = ""]) => d);
const textIn = (part: string): string =>
  part
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();

describe("chaos report: charts", () => {
  it("have a scale, a time, and a unit in words", () => {
    const samples = [sampleAt(1, { served: 30 }), sampleAt(3, { served: 30 }), sampleAt(30, { served: 0 })];

    const part = under("Served", page({ samples }));
    assert.equal(textIn(part), "0 to 30 requests/s 40 20 0 0 s 5 s 10 s 15 s 20 s 25 s 30 s");
    // Requests are told by the second, however far apart the samples are.
    assert.deepEqual(linesIn(part), ["M33.3 25L100 62.5L1000 100"]);
  });

  it("have a gap where nothing was seen, and a dot where something was seen once", () => {
    const seen = [1, 2, 20, 29, 30].map((at) => sampleAt(at, { p99Ms: 4 }));
    const samples = [...seen, ...[3, 19, 21].map((at) => sampleAt(at))].toSorted((a, b) => a.atMs - b.atMs);

    const lines = linesIn(under("99th percentile", page({ samples })));
    assert.deepEqual(lines, ["M33.3 0L66.7 0", "M666.7 0h0", "M966.7 0L1000 0"]);
  });

  it("say that they are flat, or that nothing was seen, and not the end of their scale", () => {
    const html = page({ samples: [sampleAt(1, { depth: undefined }), sampleAt(2, { depth: undefined })] });

    assert.match(textIn(under("Restarts", html)), /^of actors and cells, in all 0 restarts throughout 1 0 /);
    assert.match(textIn(under("Depth", html)), /^of the fullest mailbox nothing was seen of it 1 0 /);
  });

  it("have the faults behind them, and their names over lanes of their own", () => {
    const html = page({ samples: [sampleAt(1)] });
    const lanes = under("Faults", html);

    assert.match(html, /<g id="faults"><rect x="100" y="0" width="200" height="100"\/><\/g>/);
    assert.match(
      lanes,
      /<span>stop-cell<\/span><div><i style="left:10%;width:20%" title="stop-cell data for 6000 ms at 3000 ms">/,
    );
    assert.equal(html.split('<use href="#faults"/>').length, 6);
  });
});

describe("chaos report: axes", () => {
  it("have a few marks, in a unit that fits", () => {
    for (const [endMs, labels] of [
      [3 * second, "0 s 1 s 2 s 3 s"],
      [90 * second, "0 s 15 s 30 s 45 s 60 s 75 s 90 s"],
      [12 * minute, "0 min 2 min 4 min 6 min 8 min 10 min 12 min"],
      [7 * 24 * hour, "0 h 24 h 48 h 72 h 96 h 120 h 144 h"],
      [0, ""],
    ] as const) {
      assert.equal(
        timeTicks(endMs)
          .map(({ label }) => label)
          .join(" "),
        labels,
      );
    }
    assert.deepEqual(
      timeTicks(2 * second).map(({ at }) => at),
      [0, 50, 100],
    );
  });

  it("end at a round number that is not below what they show", () => {
    assert.deepEqual([0, 0.3, 1, 3, 5, 7, 9.1, 10, 419, 601].map(topOf), [1, 1, 1, 4, 6, 8, 10, 10, 600, 800]);
  });
});

describe("chaos report: words", () => {
  it("tell of a bug that was planted before anything else", () => {
    const html = page({ verdict: "fail" }, { plant: "no-fsync" });
    const says = plantedBug("no-fsync")?.says;

    assert.match(html, /<title>own, seed 7, with no-fsync planted: fail<\/title>/);
    assert.match(textIn(html.split("</h1>")[1] ?? ""), new RegExp(`^with the bug no-fsync planted: ${says} Seed 7 `));
    assert.doesNotMatch(page(), /planted/);
    assert.match(page({}, { plant: "gone" }), /with the bug <code>gone<\/code> planted: there is no such bug any more/);
  });

  it("count answers, the most frequent ones first", () => {
    const tally = { "refused 503": 2, put: 1200, get: 2, ask: 7 };

    assert.equal(
      textIn(under("Answers", page({ tally })).replace("</body></html>", "")),
      "what times put 1,200 ask 7 get 2 refused 503 2",
    );
  });

  it("are text, whatever a scenario, a check or an answer is called", () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='x'>&`;
    const plan = { ...PLAN, scenario: hostile };
    const checks: Readonly<Record<string, string>> = { "bytes-are-right": hostile, [hostile]: hostile };
    const html = page(
      {
        ...{ checks, tally: { [hostile]: 1 }, digest: hostile },
        ...{ reason: hostile, verdict: "not-run" },
      },
      { plan: { ...plan, faults: [{ kind: "crash-actor", atMs: 1, actor: hostile }] }, plant: hostile },
    );

    assert.doesNotMatch(html, /<script|<img|onerror='|"">/);
    // Each place that one of them comes to: none was left out.
    assert.equal(html.split("&lt;script&gt;").length - 1, 11);
    assert.equal(html.match(/<\/?html|<\/?body|<\/?head>|<\/?style>/g)?.length, 8);
  });

  it("say of a run that did not take place that nothing was seen and no check was made", () => {
    const html = page({ verdict: "not-run", reason: "no disk", checks: {} }, { plan: { ...PLAN, faults: [] } });

    assert.match(html, /Not run: no disk\./);
    assert.match(textIn(under("Checks", html)), /None was made\./);
    assert.equal(html.split("nothing was seen of it").length - 1, 5);
    assert.doesNotMatch(html, /NaN|Infinity|undefined/);
  });
});
