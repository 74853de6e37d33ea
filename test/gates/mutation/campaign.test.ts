/** Mutants over a tree of its own: tests that notice, that do not, that never end, and none at all. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { orderOf, runCampaign, sourcesIn } from "#gates/mutation/campaign.ts";
import { EQUIVALENT } from "#gates/mutation/equivalent.ts";
import { mutantsOf } from "#gates/mutation/mutants.ts";
import { Reach } from "#gates/mutation/reach.ts";
import { MutationResults } from "#gates/mutation/results.ts";
import { TestRunner } from "#gates/mutation/test-run.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "cepa-mutation-")));
after(() => rmSync(root, { recursive: true }));

const SOURCE = `export function least(a: number, b: number): number {
  return a < b ? a : b;
}
export function countdown(from: number): number {
  let left = from;
  while (left !== 0) left--;
  return left;
}
export const unasked = (): boolean => true;
export const FROM_MAX = 7;
`;
const TEST = `import assert from "node:assert/strict";
import { it } from "node:test";
const { countdown, least } = await import(new URL("../../runtime/least.ts", import.meta.url).href);
it("is the least", () => assert.equal(least(1, 2), 1));
it("counts down", () => assert.equal(countdown(3), 0));
`;

for (const folder of ["runtime", "test/runtime"]) mkdirSync(join(root, folder), { recursive: true });
writeFileSync(join(root, "package.json"), '{ "type": "module" }');
writeFileSync(join(root, "runtime/least.ts"), SOURCE);
writeFileSync(join(root, "test/runtime/least.test.ts"), TEST);

describe("mutation: a campaign", () => {
  it("tells what was noticed, what never ended, what survived and what no test runs, and leaves a limit to its table", async () => {
    const told = await campaign();

    assert.deepEqual(told, {
      ...{ "<→<=": "s", "<→>=": "k", "a < b→true": "s", "a < b→false": "k", "a < b ? a : b→undefined": "k" },
      ...{ "!==→===": "k", "left !== 0→false": "k", "0→1": "k", "--→++": "t", "left→undefined": "k" },
      "{\n  let left = from;\n  while (left !== 0) left--;\n  return left;\n}→{}": "k",
      ...{ "true→undefined": "u", "true→false": "u" },
    });
  });
});

describe("mutation: what nobody could notice", () => {
  it("is a mutant of a source as it is, each listed once and with a reason", () => {
    const checkout = join(import.meta.dirname, "..", "..", "..");
    const known = new Set<string>();
    for (const { path, line, from, to, because } of EQUIVALENT) {
      const source = readFileSync(join(checkout, path), "utf8");
      const lines = source.split("\n").map((text) => text.trim());
      const { mutants } = mutantsOf(source);
      const found = mutants.filter((one) => lines[one.line - 1] === line && one.from === from && one.to === to);
      assert(found.length > 0, `${path}: ${line} is not there, or ${from} is not made ${to} in it`);
      assert(because.length > 20, `${path}: ${because}`);
      known.add(`${path} ${line} ${from} ${to}`);
    }
    assert.equal(known.size, EQUIVALENT.length);
  });
});

/** The fate of each mutant, by what it is. */
async function campaign(): Promise<Readonly<Record<string, string>>> {
  const sources = sourcesIn(root);
  const runner = new TestRunner(root, "");
  const folder = join(root, "scratch");
  const reach = new Reach({ root, sources, runner, folder });
  const results = new MutationResults(join(root, "results.jsonl"));
  for (const [path, { source, mutants }] of sources) results.begin(path, source, mutants.length);
  assert.equal(await reach.look("test/runtime/least.test.ts"), "usable");
  const told: Record<string, string> = {};
  await runCampaign(orderOf(sources, 1), {
    ...{ root, sources, runner, reach, results, folder, jobs: 2, lateMs: 300 },
    tried: ({ mutant: { from, to } }, fate) => {
      told[`${from}→${to}`] = fate;
    },
  });
  results.save(new Set(sources.keys()));
  return told;
}
