/** Coverage as it is counted: by V8, in processes of their own, over sources that do not say what they are used for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { type Coverage, CoverageCollector } from "#gates/coverage/coverage.ts";
import { CoverageGate } from "#gates/coverage/gate.ts";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "cepa-coverage-")));
after(() => rmSync(scratch, { recursive: true }));

/** A tree of sources in a folder of its own. */
function tree(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(scratch, name);
  for (const [path, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Runs `entry` as often as it is said, and what it ran. */
function measured(root: string, ...entries: readonly string[]): Coverage {
  const collector = new CoverageCollector({ root, folders: ["runtime"], scratch: join(root, "scratch") });
  for (const entry of entries) run(root, entry, collector.folder);
  return collector.end();
}

function run(root: string, entry: string, folder: string | undefined, flags: readonly string[] = []): void {
  const env = { ...process.env, NODE_V8_COVERAGE: folder, NODE_COMPILE_CACHE: "" };
  const { status, stderr } = spawnSync(process.execPath, [...flags, join(root, entry)], { encoding: "utf8", env });
  assert.equal(status, 0, stderr);
}

const SHAPES = `/** Typed on purpose, so that blanking is seen. */
export function shapes(n: number, f: (() => number) | undefined): readonly unknown[] {
  const made: unknown[] = [];
  if (n > 0) made.push(1);
  if (n > 1) {
    made.push(2);
  } else if (n < 0) {
    made.push(3);
  }
  const both = n > 0 ? () => 1 : () => 2;
  const right = f ?? (() => 3);
  made.push(n > 0 && n > 1, both, right);
  for (const x of made) {
    if (x === 7) return made;
  }
  switch (n) {
    case 1:
      made.push(4);
      break;
    case 2:
      made.push(5);
      break;
    default:
      made.push(6);
  }
  try {
    made.push(JSON.parse("{" as string));
  } catch {
    made.push(8);
  }
  return made;
}
export function never(): number {
  return 1;
}
`;

describe("coverage: what one process has run", () => {
  const root = tree("shapes", {
    "runtime/shapes.ts": SHAPES,
    "runtime/unloaded.ts": "export const a = (b: number): number => (b > 0 ? 1 : 2);\n",
    "runtime/types.ts": "export type A = 1;\n",
    "one.ts": 'import { shapes } from "./runtime/shapes.ts";\nshapes(1, undefined);\n',
    "two.ts": 'import { shapes } from "./runtime/shapes.ts";\nshapes(2, () => 1);\nshapes(-1, undefined);\n',
  });

  it("is told by lines and branches: a function that is made is not one that is called", () => {
    const { files, processes } = measured(root, "one.ts");
    const { linesMissed, branchesMissed } = files.get("runtime/shapes.ts") ?? assert.fail();

    assert.equal(processes, 1);
    // Line 10 has the short functions, and one of them was made: its body stands on the line that made it.
    assert.deepEqual(linesMissed, [6, 8, 21, 22, 24, 34]);
    // Not taken: line 4 else, 5 then, 7 then, the second function of 10, line 11 passed over, 12 passed over, 14 then, 16 cases.
    assert.deepEqual(branchesMissed, [4, 5, 7, 10, 11, 12, 14, 20, 23]);
  });

  it("is summed over processes: what one leaves out another may run", () => {
    const { files, processes } = measured(root, "one.ts", "two.ts");
    const { linesMissed, branchesMissed } = files.get("runtime/shapes.ts") ?? assert.fail();

    assert.equal(processes, 2);
    assert.deepEqual([linesMissed, branchesMissed], [[34], [14]]);
  });

  it("is nothing of a file that nothing loads, and types are nothing to run", () => {
    const { files } = measured(root, "one.ts");

    assert.deepEqual(files.get("runtime/unloaded.ts"), {
      ...{ lines: 1, linesRun: 0, linesMissed: [1] },
      ...{ branches: 2, branchesTaken: 0, branchesMissed: [1] },
    });
    assert.equal(files.get("runtime/types.ts")?.lines, 0);
  });
});

describe("coverage: processes", () => {
  it("that a process starts count, whatever environment they are given, and threads do", () => {
    const root = tree("started", {
      "runtime/child.ts": "export const child = 1;\n",
      "runtime/thread.ts": "export const thread = 1;\n",
      "main.ts": `import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
const at = (path: string): string => new URL(path, import.meta.url).pathname;
spawnSync(process.execPath, [at("runtime/child.ts")], { env: {} });
await once(new Worker(at("runtime/thread.ts")), "exit");
`,
    });

    const { files, processes } = measured(root, "main.ts");

    assert.equal(processes, 3);
    assert.deepEqual(
      [...files].map(([path, { linesRun }]) => [path, linesRun]),
      [
        ["runtime/child.ts", 1],
        ["runtime/thread.ts", 1],
      ],
    );
  });

  it("that load a source with another text do not count", () => {
    const planted = `import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    return url.endsWith("/half.ts") ? { ...loaded, source: "const longer = 1;\\nexport const half = () => longer;" } : loaded;
  },
});
await import(new URL("runtime/half.ts", import.meta.url).href);
`;
    const root = tree("planted", { "runtime/half.ts": "export const half = (): number => 1;\n", "main.ts": planted });

    const { files, otherTexts } = measured(root, "main.ts");

    assert.deepEqual([files.get("runtime/half.ts")?.linesRun, otherTexts], [0, 1]);
  });

  it("that did not write to the end are told", () => {
    const root = tree("broken", { "runtime/a.ts": "export const a = 1;\n" });
    const collector = new CoverageCollector({ root, folders: ["runtime"], scratch: join(root, "scratch") });
    writeFileSync(join(collector.folder, "coverage-1-2-3.json"), '{"result":[{"url"');

    assert.deepEqual(
      { ...collector.end(), files: undefined },
      { files: undefined, processes: 0, broken: 1, otherTexts: 0 },
    );
    assert.deepEqual(readdirSync(join(root, "scratch")), []);
  });
});

describe("coverage: the gate", () => {
  const HALF = "export function half(n: number): number {\n  if (n > 0) return 1;\n  return 2;\n}\n";
  const root = tree("gate", {
    "runtime/half.ts": HALF,
    "half.ts": 'import { half } from "./runtime/half.ts";\nhalf(1);\n',
    "whole.ts": 'import { half } from "./runtime/half.ts";\nhalf(1);\nhalf(0);\n',
  });

  /** What the gate says of one entry. */
  function said(entry: string, isWhole: boolean) {
    const { NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
    const lines: string[] = [];
    const gate = new CoverageGate(root, { isWhole });
    run(root, entry, process.env["NODE_V8_COVERAGE"]);
    gate.take();
    const passes = gate.end((line) => lines.push(line), { json: true });
    Object.assign(process.env, {
      NODE_V8_COVERAGE: NODE_V8_COVERAGE ?? "",
      NODE_COMPILE_CACHE: NODE_COMPILE_CACHE ?? "",
    });
    return { passes, text: lines.join("\n"), json: JSON.parse(lines.at(-1) ?? "") };
  }

  it("fails where too little was run, and says of which", () => {
    const { passes, text, json } = said("half.ts", true);

    assert.equal(passes, false);
    assert.match(text, /^kernel and supervisor +50\.0 % +50\.0 % {2}FAIL at least 95 % and 90 %$/m);
    assert.match(text, /^runtime\/half\.ts +50\.0 % +50\.0 % {2}not run: 3$/m);
    assert.deepEqual(json.files, [
      {
        path: "runtime/half.ts",
        lines: 2,
        linesRun: 1,
        branches: 2,
        branchesTaken: 1,
        linesMissed: "3",
        branchesMissed: "2",
      },
    ]);
  });

  it("passes where enough was", () => {
    const { passes, text } = said("whole.ts", true);

    assert.equal(passes, true);
    assert.match(text, /^all +100\.0 % +100\.0 % {2}ok {3}at least 85 % and 85 %$/m);
  });

  it("judges no part of the tests, says so first, and tells only of what that has loaded", () => {
    tree("gate", { "cli/unloaded.ts": "export const a = (b: number): number => b;\n" });

    const { passes, text, json } = said("half.ts", false);

    assert.equal(passes, true);
    assert.match(text, /^\nnot judged: part of the tests\. Of the files that they load:\n\ncoverage of /);
    assert.match(text, /^runtime +50\.0 %/m);
    assert.doesNotMatch(text.slice(0, text.lastIndexOf("\n")), /^cli/m);
    assert.deepEqual(json.verdicts, []);
  });
});
