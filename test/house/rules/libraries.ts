/**
 * Each library is imported in the module that wraps it, and nowhere else; and the root loads next to none.
 *
 * The first is what makes a library replaceable. The second keeps the root small: what it does not load cannot crash it.
 */
import { fileOf, type Import, importsOf, packageOf, tell } from "#test/house/imports.ts";
import type { Rule } from "#test/house/rule.ts";
import { type FileMap, isProduction } from "#test/house/tree.ts";

/** Package to the modules that wrap it. More than one only where two programs need it, or one noun has two halves. */
const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  "@ipld/dag-cbor": ["actors/domain/dag.ts"],
  "@napi-rs/blake-hash": ["runtime/pool/blake3.ts", "cli/digest.ts"],
  canonicalize: ["actors/domain/canonical-json.ts"],
  commander: [
    "cli/program.ts",
    "cli/upkeep-commands.ts",
    "cli/auth-commands.ts",
    "cli/ingest-commands.ts",
    "cli/admin-options.ts",
    "cli/arguments.ts",
  ],
  jose: ["actors/domain/tokens/token-signing.ts"],
  ioredis: ["runtime/real/redis-connection.ts"],
  lmdb: ["runtime/real/kv.ts"],
  msgpackr: ["runtime/link/body.ts"],
  multiformats: ["actors/domain/dag.ts"],
  pg: ["runtime/real/sql.ts"],
  pino: ["runtime/real/log.ts"],
  piscina: ["runtime/real/cpu.ts"],
  "prom-client": ["runtime/telemetry/exposition.ts"],
  "smol-toml": ["runtime/config/toml.ts"],
  "tla-checker": ["chaos/models/checker.ts"],
  xstate: ["supervisor/child-chart.ts", "runtime/breaker/breaker-chart.ts"],
};

/** What the root may load beside Node and our own runtime and supervisor (docs/decisions/0001-toml-in-the-root.md). */
const ROOT_PACKAGES: ReadonlySet<string> = new Set(["xstate", "smol-toml"]);
const ROOT_ENTRY = "supervisor/main.ts";

/** Every import that loading `entry` leads to; what is only reached by `import()` is not loaded with it. */
function loadedBy(files: FileMap, entry: string): readonly Import[] {
  const byFile = Map.groupBy(
    importsOf(files, () => true).filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic),
    ({ from }) => from,
  );
  const loaded: Import[] = [];
  const seen = new Set([entry]);
  for (const file of seen) {
    for (const found of byFile.get(file) ?? []) {
      loaded.push(found);
      const next = fileOf(found);
      if (next !== undefined) seen.add(next);
    }
  }
  return loaded;
}

export const libraries: readonly Rule[] = [
  {
    name: "a library is imported only in the module that wraps it",
    check: (files) =>
      importsOf(files, isProduction)
        .filter((found) => {
          const name = packageOf(found);
          return name !== undefined && !(WRAPPERS[name] ?? []).includes(found.from);
        })
        .map(tell),
    planted: [
      {
        what: "a second user of a library",
        files: { "cli/planted.ts": 'import { Command } from "commander";\n' },
        says: "cli/planted.ts imports commander",
      },
      {
        what: "a library nobody wraps",
        files: { "runtime/planted.ts": 'import { x } from "left-pad/sub";\n' },
        says: "runtime/planted.ts imports left-pad/sub",
      },
    ],
  },
  {
    name: "the root loads Node, runtime, supervisor and xstate, and no actor",
    check: (files) =>
      loadedBy(files, ROOT_ENTRY)
        .filter((found) => {
          const name = packageOf(found);
          const file = fileOf(found);
          if (name !== undefined) return !ROOT_PACKAGES.has(name);
          return file !== undefined && !/^(runtime|supervisor)\//.test(file);
        })
        .map(tell),
    planted: [
      {
        what: "a library two imports away",
        files: {
          [ROOT_ENTRY]: 'import { x } from "#runtime/planted.ts";\n',
          "runtime/planted.ts": 'import { open } from "lmdb";\n',
        },
        says: "runtime/planted.ts imports lmdb",
      },
      {
        what: "an actor",
        files: { [ROOT_ENTRY]: 'import { actorModule } from "#actors/index/actor.ts";\n' },
        says: "supervisor/main.ts imports #actors/index/actor.ts",
      },
    ],
  },
];
