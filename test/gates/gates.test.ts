/** `cepa gates`: a release is blocked while one gate is not true, and a page with something wrong is no answer. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { GATE_NAMES } from "#gates/page.ts";

const checkout = join(import.meta.dirname, "..", "..");
const root = mkdtempSync(join(tmpdir(), "cepa-gates-"));
after(() => rmSync(root, { recursive: true }));

for (const folder of ["cli", "gates", "specs"]) mkdirSync(join(root, folder));
const FILES = ["cepa", "cli/output.ts", "gates/main.ts", "gates/page.ts", "gates/told.ts"];
for (const path of FILES) copyFileSync(join(checkout, path), join(root, path));
const imports = { "#cli/*": "./cli/*", "#gates/*": "./gates/*" };
writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module", imports }));

const TRUE = "`./cepa check` | 2026-01-02, abcdef0: all is well | true";

/** What the command says of a page on which every gate is true but those that are said. */
function gates(others: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const rows = GATE_NAMES.map((name) => `| ${name} | Something | The same | ${others[name] ?? TRUE} |`);
  writeFileSync(
    join(root, "specs/gates.md"),
    `# Gates\n\n| gate | says | read here as | decided by | last result | state |\n| --- | --- | --- | --- | --- | --- |\n${rows.join("\n")}\n\n| other | table |\n| --- | --- |\n| x | y |\n`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "gates/main.ts"), ...args], {
    encoding: "utf8",
  });
  return { code: status, lines: stdout.trim().split("\n"), stderr };
}

describe("cepa gates", () => {
  it("ends with 2 and a sentence where there is no page", () => {
    rmSync(join(root, "specs/gates.md"), { force: true });

    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "gates/main.ts")], { encoding: "utf8" });

    assert.deepEqual([status, stdout], [2, ""]);
    const page = join(root, "specs/gates.md");
    assert.equal(
      stderr,
      `cepa: ${page}: no such file or directory (open). The checkout is not whole: see git status\n`,
    );
  });

  it("ends with 0 when every gate is true", () => {
    const { code, lines } = gates({});

    assert.equal(code, 0);
    assert.equal(lines.at(-1), "27 true, 0 false, 0 undecided: a release may be made");
  });

  it("ends with 1 when one is false, or undecided, and says which and why", () => {
    const { code, lines } = gates({
      F: "none yet | There is no DHT. | undecided",
      "13.4": "`./cepa check` | 2026-01-02, abcdef0: 3 s, not 2 s | false",
      "13.3": "none yet | There is no TLS. | undecided",
    });

    assert.equal(code, 1);
    assert.equal(lines.at(-1), "24 true, 1 false, 2 undecided: no release");
    // In the way of a release, so it stands first.
    assert.deepEqual(lines.slice(0, 11), [
      "24 true, 1 false, 2 undecided: no release",
      "",
      "13.4    false      Something",
      "                   2026-01-02, abcdef0: 3 s, not 2 s (./cepa check)",
      "13.3    undecided  Something",
      "                   There is no TLS. (no command decides it yet)",
      "F       undecided  Something",
      "                   There is no DHT. (no command decides it yet)",
      "",
      "13.1    true       Something",
      "13.2    true       Something",
    ]);
  });

  it("wraps what is long, without the marks of Markdown", () => {
    const reason = `${"Twenty characters of. ".repeat(5)}[Limits](limits.md) and \`cepa x\`.`;
    const { lines } = gates({ F: `none yet | ${reason} | undecided` });

    assert.deepEqual(lines.slice(2, 5), [
      "F       undecided  Something",
      "                   Twenty characters of. Twenty characters of. Twenty characters of. Twenty",
      "                   characters of. Twenty characters of. Limits and cepa x. (no command decides it",
    ]);
    assert(lines.every((line) => line.length <= 100));
  });

  it("has the whole row of a gate that is named, and of all; the exit code is that of the gates that were asked for", () => {
    const others = { "13.4": "`./cepa check` | 2026-01-02, abcdef0: 3 s, not 2 s | false" };
    const row = [
      "13.4    false      Something",
      "                   Read here as: The same",
      "                   Decided by: ./cepa check",
      "                   Last result: 2026-01-02, abcdef0: 3 s, not 2 s",
    ];
    const one = gates(others, "13.4");
    const all = gates(others, "--all");

    assert.deepEqual([one.code, one.lines], [1, row]);
    assert.equal(gates(others, "13.5").code, 0);
    assert.deepEqual(all.lines.slice(15, 19), row);
    assert.deepEqual(
      [gates(others, "13.40").code, gates(others, "13.40").stderr],
      [2, "cepa: there is no gate 13.40: cepa gates has them all: see cepa gates --help\n"],
    );
  });

  it("says it as JSON, a gate a line", () => {
    const { code, lines } = gates({ O: "none yet | There are no tenants. | undecided" }, "--json");
    const told = lines.map((line) => JSON.parse(line));

    assert.equal(code, 1);
    assert.deepEqual(told.at(-1), { release: "blocked", true: 26, false: 0, undecided: 1 });
    assert.deepEqual(told.at(-2), {
      ...{ id: "O", says: "Something", readAs: "The same", decidedBy: "none yet" },
      ...{ result: "There are no tenants.", state: "undecided" },
    });
  });

  it("ends with 2 for a page with something wrong, and for an option that there is not", () => {
    const wrong = gates({ A: "`./cepa check` | it is | true" });

    assert.deepEqual([wrong.code, gates({}, "--frob").code], [2, 2]);
    assert.equal(
      wrong.stderr,
      "cepa: specs/gates.md: A: it is true without a result (date, commit: what came of it)\n",
    );
  });
});
