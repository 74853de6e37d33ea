/** Checks of a chaos run: what the page about them says is what a report says. */
import { rowsOf } from "#test/house/markdown.ts";
import type { Rule } from "#test/house/rule.ts";
import type { FileMap } from "#test/house/tree.ts";

const SOURCE = "chaos/checks.ts";
const PAGE = "docs/chaos.md";

/** Of `CHECKS`: a name, and what it says. */
const CHECK = /^ {2}"([a-z-]+)":\s+"([^"]*)",$/gm;

function checksIn(files: FileMap): ReadonlyMap<string, string> {
  return new Map([...(files.get(SOURCE) ?? "").matchAll(CHECK)].map(([, name = "", says = ""]) => [name, says]));
}

/** Of the table under that heading, code marks taken off. */
function checksTold(files: FileMap): ReadonlyMap<string, string> {
  const [, section = ""] = (files.get(PAGE) ?? "").split("\n## What is checked\n");
  const [table = ""] = section.split("\n## ");
  return new Map(rowsOf(table).map(([name = "", says = ""]) => [name, says.replaceAll("`", "")]));
}

function checkProblems(files: FileMap): readonly string[] {
  const [checks, told] = [checksIn(files), checksTold(files)];
  return [
    ...[...checks]
      .filter(([name, says]) => told.get(name) !== says)
      .map(([name, says]) => `${PAGE} says of ${name}: ${told.get(name) ?? "nothing"}; ${SOURCE} says: ${says}`),
    ...[...told.keys()].filter((name) => !checks.has(name)).map((name) => `${PAGE} has ${name}, which no run checks`),
    ...(checks.size === 0 ? [`${SOURCE} has no check that can be read`] : []),
  ];
}

export const checks: readonly Rule[] = [
  {
    name: "docs/chaos.md says of each check what chaos/checks.ts says",
    check: checkProblems,
    planted: [
      {
        what: "a page without them",
        files: { [PAGE]: "# Chaos\n" },
        says: "docs/chaos.md says of bytes-are-right: nothing",
      },
      {
        what: "a check that is told in other words",
        files: { [SOURCE]: '  "bytes-are-right": "planted",\n' },
        says: "says: planted",
      },
      {
        what: "a check that is told, and not made",
        files: { [SOURCE]: '  "bytes-are-right": "planted",\n' },
        says: "docs/chaos.md has faults-took-effect, which no run checks",
      },
      {
        what: "checks that cannot be read",
        files: { [SOURCE]: "export const CHECKS = {};\n" },
        says: "chaos/checks.ts has no check that can be read",
      },
    ],
  },
];
