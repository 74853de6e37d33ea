/** The page of the gates has a row for each, and none is true that nothing has decided. */
import { gatesOf, problemsOf } from "#gates/page.ts";
import type { Planted, Rule } from "#test/house/rule.ts";
import type { FileMap } from "#test/house/tree.ts";

const PAGE = "specs/gates.md";

function gateProblems(files: FileMap): readonly string[] {
  const paths = [...files.keys()];
  const exists = (path: string): boolean => files.has(path) || paths.some((file) => file.startsWith(`${path}/`));
  return problemsOf(gatesOf(files.get(PAGE) ?? ""), files.get("cepa") ?? "", exists).map((said) => `${PAGE}: ${said}`);
}

/** A page with one row. */
function page(what: string, row: string, says: string): Planted {
  const header =
    "| gate | says | read here as | decided by | last result | state |\n| --- | --- | --- | --- | --- | --- |\n";
  return { what, files: { [PAGE]: `${header}${row}\n` }, says };
}

export const gates: readonly Rule[] = [
  {
    name: "every gate of a release has a row that says how it stands, and why",
    check: gateProblems,
    planted: [
      { what: "a page that is gone", files: { [PAGE]: undefined }, says: "no row for 13.7" },
      page("a gate that there is not", "| P | x | y | none yet | It is not built yet. | undecided |", "P is no gate"),
      page("a state of its own", "| A | x | y | `./cepa check` | 2026-01-01, abcdef0: ok | mostly |", "its state is"),
      page(
        "a gate that is true without a result",
        "| A | x | y | `./cepa check` | it is | true |",
        "A: it is true without a result",
      ),
      page(
        "a gate that is true, and nothing decides it",
        "| A | x | y | none yet | 2026-01-01, abcdef0: ok | true |",
        "A: it is true, and nothing decides it",
      ),
      page("no reason", "| A | x | y | none yet | — | undecided |", "A: it is undecided without a reason"),
      page(
        "a command that there is not",
        "| A | x | y | `./cepa check`, `./cepa frob` | 2026-01-01, abcdef0: ok | true |",
        "A: there is no command ./cepa frob",
      ),
      page(
        "a command over what there is not",
        "| A | x | y | `./cepa test test/runtime/frob` | 2026-01-01, abcdef0: ok | true |",
        "names test/runtime/frob, which is not there",
      ),
      page(
        "another program",
        "| A | x | y | `make check` | 2026-01-01, abcdef0: ok | true |",
        '"make check" is no command of ./cepa',
      ),
      page(
        "a row that comes twice",
        "| A | x | y | none yet | It is not built yet. | undecided |\n| A | x | y | none yet | It is not built yet. | undecided |",
        "A twice",
      ),
    ],
  },
];
