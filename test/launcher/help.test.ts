/** `--help` of every command, in this checkout: it says how, and does nothing else. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const LAUNCHER = join(import.meta.dirname, "..", "..", "cepa");
/** Running what is asked about would take longer. */
const TIMEOUT_MS = 10_000;

function run(...args: readonly string[]) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(LAUNCHER, args, { encoding: "utf8", env: { ...env, NODE_COMPILE_CACHE: "" }, timeout: TIMEOUT_MS });
}

type Asked = ReturnType<typeof run>;

/** What every command answers that a help lists, with those that it has itself: `car import`. */
function askAll(help: string, group: readonly string[] = []): readonly (readonly [command: string, asked: Asked])[] {
  const listed = [...help.matchAll(/^Commands.*:\n((?:.+\n)+)/gm)].flatMap(([, lines = ""]) =>
    [...lines.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name),
  );
  return listed
    .filter((name) => name !== "help")
    .flatMap((name) => {
      const asked = run(...group, name, "--help");
      return [[[...group, name].join(" "), asked] as const, ...askAll(asked.stdout, [...group, name])];
    });
}

describe("cepa COMMAND --help", () => {
  const all = askAll(run("--help").stdout);

  it("is there for all commands: of the node, of the checkout, and of groups", () => {
    const names = all.map(([command]) => command);

    assert(names.length >= 34, `${names}`);
    for (const name of ["put", "gc", "logs", "car import", "name set", "up", "mutate", "pack", "release"])
      assert(names.includes(name), name);
  });

  for (const [command, { status, stdout, stderr }] of all) {
    it(`of ${command} says how, with an example`, () => {
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^usage: cepa |^Usage: cepa /);
      assert.match(stdout, /\$ cepa |Example/);
    });
  }

  it("of a command that there is not is a mistake", () => {
    const { status, stdout, stderr } = run("putt", "--help");

    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^error: unknown command 'putt'\n\(Did you mean put\?\)/);
  });

  it("is what help says of it, also of a command of the checkout", () => {
    const [asked, up, unknown] = [run("help", "up"), run("up", "--help"), run("help", "frob")];

    assert.deepEqual([asked.status, asked.stdout], [0, up.stdout]);
    assert.deepEqual([unknown.status, unknown.stdout], [2, ""]);
    assert.equal(unknown.stderr, "error: unknown command 'frob'\n(see cepa --help)\n");
  });

  it("compiles nothing before it answers", () => {
    const cache = mkdtempSync(join(tmpdir(), "cepa-help-"));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const asked = spawnSync(LAUNCHER, ["up", "--help"], {
      env: { ...env, NODE_COMPILE_CACHE: cache },
      timeout: TIMEOUT_MS,
    });
    const compiled = readdirSync(cache).filter((name) => name.startsWith("compiled-"));
    rmSync(cache, { recursive: true });

    assert.deepEqual([asked.status, compiled], [0, []]);
  });

  it("is named where check is given what it does not take", () => {
    const { status, stderr } = run("check", "all");

    assert.equal(status, 2);
    assert.equal(stderr, 'cepa: check takes no arguments, not "all": see cepa check --help\n');
  });
});
