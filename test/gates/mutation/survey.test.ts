/** Which tests are looked at before mistakes are planted, what is kept of that, and what becomes of it when the time is over. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { sourcesIn } from "#gates/mutation/campaign.ts";
import { Closures } from "#gates/mutation/closure.ts";
import { Reach } from "#gates/mutation/reach.ts";
import { TestRunner } from "#gates/mutation/test-run.ts";
import { hour, second } from "#runtime/units.ts";
import { eventually } from "#test/kit/node.ts";

const checkout = join(import.meta.dirname, "..", "..", "..");
const root = realpathSync(mkdtempSync(join(tmpdir(), "cepa-survey-")));
after(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const imports = { "#cli/*": "./cli/*", "#gates/*": "./gates/*", "#runtime/*": "./runtime/*", "#test/*": "./test/*" };
write("package.json", JSON.stringify({ type: "module", imports }));
write("runtime/one.ts", "export const one = (): number => 1;\n");
write("runtime/two.ts", 'import { one } from "#runtime/one.ts";\nexport const two = (): number => one() + one();\n');
write("test/runtime/one.test.ts", testOf("one", 1));
write("test/runtime/two.test.ts", testOf("two", 2));

function testOf(name: string, value: number): string {
  const imported = `import assert from "node:assert/strict";\nimport { it } from "node:test";\nimport { ${name} } from "#runtime/${name}.ts";\n`;
  return `${imported}it("is", () => assert.equal(${name}(), ${value}));\n`;
}

describe("mutation: what a test can load", () => {
  const closures = new Closures(root);

  it("is what it imports, and what that imports", () => {
    assert.deepEqual([...closures.of("test/runtime/two.test.ts")].sort(), [
      "runtime/one.ts",
      "runtime/two.ts",
      "test/runtime/two.test.ts",
    ]);
    assert(!closures.of("test/runtime/one.test.ts").has("runtime/two.ts"));
  });

  it("is what it names by a path, from the root or beside it, or loads when it comes to it", () => {
    write("test/runtime/child.ts", "const later = () => import('#runtime/two.ts');\n");
    write("test/runtime/paths.test.ts", 'spawn("child.ts");\n');
    write("test/runtime/beside.test.ts", 'new URL("../../runtime/one.ts", import.meta.url);\n');

    assert(closures.of("test/runtime/paths.test.ts").has("runtime/one.ts"));
    assert(closures.of("test/runtime/beside.test.ts").has("runtime/one.ts"));
  });

  it("is no type, and nothing that a comment names", () => {
    const types =
      'import type { One } from "#runtime/one.ts";\nimport {\n  type One,\n  type Two,\n} from "#runtime/one.ts";\n';
    write("test/runtime/types.test.ts", `/** Like "runtime/one.ts". */\n${types}// As "runtime/one.ts" is.\n`);

    assert.deepEqual([...closures.of("test/runtime/types.test.ts")], ["test/runtime/types.test.ts"]);
    for (const name of ["child.ts", "paths.test.ts", "beside.test.ts", "types.test.ts"]) {
      rmSync(join(root, "test/runtime", name));
    }
  });
});

describe("cepa mutate", () => {
  for (const path of ["gates", "cli/output.ts", "runtime/units.ts"]) {
    cpSync(join(checkout, path), join(root, path), { recursive: true });
  }
  rmSync(join(root, "gates/mutation/results.jsonl"), { force: true });
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));

  function mutate(...args: readonly string[]) {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const command = [join(root, "gates/mutation/main.ts"), "runtime/two.ts", "--jobs", "1", ...args];
    return spawnSync(process.execPath, command, { encoding: "utf8", env, timeout: 60_000 });
  }

  it("ends what runs when it is told to end, keeps what it knows, and removes what one that was killed has left", async () => {
    const folder = join(root, ".cache/mutation");
    const [left, fresh] = [join(folder, "v8-left"), join(folder, "v8-fresh")];
    for (const path of [left, fresh]) mkdirSync(path, { recursive: true });
    const before = (Date.now() - 2 * hour) / second;
    utimesSync(left, before, before);
    const begun = join(root, "begun");
    const hang = `process.getBuiltinModule("node:fs").writeFileSync(${JSON.stringify(begun)}, String(process.pid)); setInterval(() => {}, 1000);`;
    write("test/runtime/two-hang.test.ts", `${testOf("two", 2)}${hang}\n`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const command = [join(root, "gates/mutation/main.ts"), "runtime/two.ts", "--jobs", "1"];
    const child = spawn(process.execPath, command, { env, stdio: "ignore" });
    await eventually(20_000, "a test runs", () => existsSync(begun) && readFileSync(begun, "utf8") !== "");

    child.kill("SIGTERM");

    assert.deepEqual(await once(child, "exit"), [143, null]);
    const pid = Number(readFileSync(begun, "utf8"));
    await eventually(5000, "the test is ended", () => !existsSync(`/proc/${pid}`));
    assert.deepEqual([existsSync(left), existsSync(fresh)], [false, true]);
    rmSync(join(root, "test/runtime/two-hang.test.ts"));
    rmSync(folder, { recursive: true });
  });

  it("ends when its time is over before all tests were looked at, says so, and goes on from there", async () => {
    const sources = sourcesIn(root);
    const runner = new TestRunner(root, "");
    const reach = new Reach({ root, sources, runner, folder: join(root, ".cache/mutation") });
    assert.equal(await reach.look("test/runtime/two.test.ts"), "usable");
    // It takes as long as there is time, and is no mutant of what was asked for.
    write("test/runtime/two-long.test.ts", `${testOf("two", 2)}if (process.env.HANG) setTimeout(() => {}, 30_000);\n`);
    process.env["HANG"] = "yes";
    const beganMs = performance.now();
    const cut = mutate("--minutes", "0.02");
    const tookMs = performance.now() - beganMs;
    delete process.env["HANG"];

    assert.equal(cut.status, 1, cut.stderr);
    assert(tookMs < 20_000, `${tookMs} ms`);
    assert.match(cut.stderr, /^cepa: 2 of 3 test files can load what is mutated; what 1 of them run is known$/m);
    assert.match(
      cut.stderr,
      /^cepa: the time is over: 1 of 2 test files were looked at, and nothing was planted yet$/m,
    );
    assert.match(cut.stderr, /the same command goes on from there$/m);
    assert.match(cut.stdout, /^too few were tried to say so: at least 80 % have to be noticed$/m);
    assert.deepEqual(readdirSync(join(root, ".cache/mutation/tests")), ["test.runtime.two.test.ts.json"]);

    const whole = mutate("--json");

    assert.match(whole.stderr, /^cepa: 2 of 3 test files can load what is mutated; what 1 of them run is known$/m);
    const { tried, population, testsLookedAt } = JSON.parse(whole.stdout);
    assert(tried === population && tried > 0, whole.stdout);
    assert.equal(testsLookedAt, 2);
  });
});
