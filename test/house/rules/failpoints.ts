/** Failpoints: those that an actor says it has are those that its code passes. */
import type { Rule } from "#test/house/rule.ts";
import type { FileMap } from "#test/house/tree.ts";

const PASSED = /\bmaybe\("([^"]+)"\)/g;
const DECLARED = /\bfailpoints: \[([^\]]*)\]/;

function actorsOf(files: FileMap): readonly string[] {
  return [...files.keys()].flatMap((path) => path.match(/^actors\/([^/]+)\/actor\.ts$/)?.[1] ?? []);
}

function passedBy(actor: string, files: FileMap): readonly string[] {
  const own = [...files].filter(([path]) => path.startsWith(`actors/${actor}/`));
  return own.flatMap(([, text]) => [...text.matchAll(PASSED)].map(([, name = ""]) => name));
}

function declaredBy(actor: string, files: FileMap): readonly string[] {
  const [, names = ""] = DECLARED.exec(files.get(`actors/${actor}/actor.ts`) ?? "") ?? [];
  return [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name);
}

/** Rows of the table in `docs/chaos.md`: `| \`storage\` | \`put-taken\`, … |`. */
function toldOf(actor: string, files: FileMap): readonly string[] {
  const [, names = ""] =
    new RegExp(`^\\| \`${actor}\` \\| (.*) \\|$`, "m").exec(files.get("docs/chaos.md") ?? "") ?? [];
  return [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

function differences(what: string, wanted: readonly string[], found: readonly string[]): readonly string[] {
  return wanted.filter((name) => !found.includes(name)).map((name) => `${what} ${name}`);
}

export const failpoints: readonly Rule[] = [
  {
    name: "an actor's failpoints are declared, passed once, and told in docs/chaos.md",
    check: (files) =>
      actorsOf(files).flatMap((actor) => {
        const [declared, passed, told] = [declaredBy(actor, files), passedBy(actor, files), toldOf(actor, files)];
        const twice = passed.filter((name, index) => passed.indexOf(name) !== index);
        return [
          ...differences(`${actor} passes, and does not declare`, passed, declared),
          ...differences(`${actor} declares, and does not pass`, declared, passed),
          ...differences(`docs/chaos.md does not have of ${actor}`, declared, told),
          ...differences(`docs/chaos.md has of ${actor}, which does not declare it,`, told, declared),
          ...twice.map((name) => `${actor} passes ${name} more than once`),
        ];
      }),
    planted: [
      {
        what: "a failpoint that is not declared",
        files: { "actors/index/planted.ts": 'ctx.maybe("planted");\n' },
        says: "index passes, and does not declare planted",
      },
      {
        what: "a failpoint that is declared and never passed",
        files: { "actors/storage/actor.ts": 'failpoints: ["nowhere"],\n' },
        says: "storage declares, and does not pass nowhere",
      },
      {
        what: "a failpoint that is passed in two places",
        files: { "actors/index/planted.ts": 'ctx.maybe("name-durable");\n' },
        says: "index passes name-durable more than once",
      },
      {
        what: "a page without them",
        files: { "docs/chaos.md": "# Chaos\n" },
        says: "docs/chaos.md does not have of index name-durable",
      },
    ],
  },
];
