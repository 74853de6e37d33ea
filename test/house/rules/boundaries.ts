/**
 * Who may import whom.
 *
 * Imports are written from the root, so each rule is a pattern over two paths.
 */
import { fileOf, type Import, importsOf, tell } from "#test/house/imports.ts";
import type { Planted, Rule } from "#test/house/rule.ts";

const folder = (path: string): string => path.split("/").slice(0, 2).join("/");

/** An import of ours, seen as an edge between files. */
interface Edge extends Import {
  readonly to: string;
}

function boundary(name: string, breaks: (edge: Edge) => boolean, planted: readonly Planted[]): Rule {
  return {
    name,
    check: (files) =>
      importsOf(files, () => true)
        .filter((found) => {
          const to = fileOf(found);
          return to !== undefined && breaks({ ...found, to });
        })
        .map(tell),
    planted,
  };
}

function offender(what: string, path: string, line: string): Planted {
  return { what, files: { [path]: `/** Planted. */\n${line}\n` }, says: path };
}

/** Tests and benches may know all of it; gates and chaos know themselves. */
function isBeside(from: string, to: string): boolean {
  return /^(test|bench|chaos)\//.test(from) || (from.startsWith("gates/") && to.startsWith("gates/"));
}

/** What a lock on a real file takes, and a directory that others cannot enter, for it to be in. */
const LOCKS = /^runtime\/real\/(clock|lock|private-directory)\.ts$/;
/** What the command line and the client may know of the runtime. */
const SHARED_WITH_CLIENTS = /^runtime\/(units\.ts|errors\.ts|turns\.ts|config\/)/;

export const boundaries: readonly Rule[] = [
  boundary("runtime knows only runtime", ({ from, to }) => from.startsWith("runtime/") && !to.startsWith("runtime/"), [
    offender("an actor's type", "runtime/planted.ts", 'import type { Address } from "#actors/domain/address.ts";'),
    offender("the supervisor", "runtime/planted.ts", 'import { planRestart } from "#supervisor/strategy.ts";'),
  ]),

  boundary(
    "an actor knows runtime, domain and itself, and another actor only by the types of its protocol",
    ({ from, to, typeOnly }) =>
      from.startsWith("actors/") &&
      !to.startsWith("runtime/") &&
      folder(to) !== "actors/domain" &&
      folder(to) !== folder(from) &&
      !(folder(from) !== "actors/domain" && typeOnly && /^actors\/[^/]+\/protocol\.ts$/.test(to)),
    [
      offender("another's code", "actors/index/planted.ts", 'import { x } from "#actors/storage/pack.ts";'),
      offender("another's inner types", "actors/index/planted.ts", 'import type { X } from "#actors/storage/pack.ts";'),
      offender("a protocol at run time", "actors/index/planted.ts", 'import { x } from "#actors/storage/protocol.ts";'),
      offender("the supervisor", "actors/index/planted.ts", 'import type { X } from "#supervisor/strategy.ts";'),
      offender(
        "an actor, from domain",
        "actors/domain/planted.ts",
        'import type { X } from "#actors/index/protocol.ts";',
      ),
    ],
  ),

  boundary(
    "the supervisor knows runtime and itself; the catalogue alone names actors, by import()",
    ({ from, to, dynamic }) =>
      from.startsWith("supervisor/") &&
      !/^(runtime|supervisor)\//.test(to) &&
      !(from === "supervisor/catalogue.ts" && dynamic && /^actors\/[^/]+\/actor\.ts$/.test(to)),
    [
      offender("an actor", "supervisor/planted.ts", 'import { actorModule } from "#actors/index/actor.ts";'),
      offender("an actor, by import()", "supervisor/planted.ts", 'const x = () => import("#actors/index/actor.ts");'),
      offender("an actor, loaded at once", "supervisor/catalogue.ts", 'import { a } from "#actors/index/actor.ts";'),
    ],
  ),

  boundary(
    "the command line speaks to a node from outside: it knows client, units, errors, turns, config, and locks on files",
    ({ from, to }) =>
      from.startsWith("cli/") &&
      !/^(cli|client|runtime\/lock)\//.test(to) &&
      !SHARED_WITH_CLIENTS.test(to) &&
      !LOCKS.test(to),
    [offender("the bus", "cli/planted.ts", 'import { Bus } from "#runtime/bus.ts";')],
  ),

  boundary(
    "the client knows itself, units, errors, turns and config",
    ({ from, to }) => from.startsWith("client/") && !to.startsWith("client/") && !SHARED_WITH_CLIENTS.test(to),
    [offender("the command line", "client/planted.ts", 'import { note } from "#cli/console.ts";')],
  ),

  boundary(
    "nothing outside test and bench imports test, bench, gates or chaos",
    ({ from, to }) => /^(test|bench|gates|chaos)\//.test(to) && !isBeside(from, to),
    [
      offender("a kit", "cli/planted.ts", 'import { startActor } from "#test/kit/actor.ts";'),
      offender("a gate", "runtime/planted.ts", 'import { walk } from "#gates/javascript.ts";'),
    ],
  ),

  boundary(
    "chaos knows all but test files; of the tests it knows their kit",
    ({ from, to }) => from.startsWith("chaos/") && to.startsWith("test/") && !to.startsWith("test/kit/"),
    [offender("a test", "chaos/planted.ts", 'import { loaded } from "#test/supervisor/simulated/catalogue.ts";')],
  ),

  boundary(
    "release knows itself, the library, units and errors, and the end of output",
    ({ from, to }) =>
      from.startsWith("release/") &&
      !/^(release|library)\//.test(to) &&
      !/^(runtime\/(units|errors)|cli\/output)\.ts$/.test(to),
    [offender("the command line", "release/planted.ts", 'import { note } from "#cli/console.ts";')],
  ),

  {
    name: "imports are written from the root",
    check: (files) =>
      importsOf(files, () => true)
        .filter(({ specifier }) => specifier.startsWith("."))
        .map(tell),
    planted: [offender("a neighbour", "runtime/planted.ts", 'import { Bus } from "./bus.ts";')],
  },

  {
    name: "what is imported from the root exists",
    check: (files) =>
      importsOf(files, () => true)
        .filter((found) => {
          const to = fileOf(found);
          return to !== undefined && !files.has(to);
        })
        .map(tell),
    planted: [offender("a missing file", "runtime/planted.ts", 'import { x } from "#runtime/missing.ts";')],
  },
];
