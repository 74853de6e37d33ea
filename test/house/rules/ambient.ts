/**
 * Nothing is ambient: time, randomness, disk, network, processes and the console are handed in.
 *
 * That is what lets one seed replay a node. Each pattern has its home, the real half of a seam; comments and the
 * insides of strings do not count.
 */
import { importsOf } from "#test/house/imports.ts";
import type { Planted, Rule } from "#test/house/rule.ts";
import { type FileMap, isProduction, lineAt, withoutProse } from "#test/house/tree.ts";

/**
 * Where the world is touched: the real seams, those of the root among them, the command line, and the entries: of the two
 * kinds of process, of what compiles their code, of what breaks a node, and of what makes releases.
 */
const HOMES =
  /^(runtime\/real\/|cli\/|supervisor\/root\/real-[\w-]+\.ts$|supervisor\/(main|cell-main|compile)\.ts$|(chaos|release)\/(real\/|main\.ts$))/;
/** Pure functions that live in modules that reach outside. */
const PURE: ReadonlySet<string> = new Set(["isIP", "isIPv4", "isIPv6"]);

interface Banned {
  readonly what: string;
  readonly pattern: RegExp;
  readonly instead: string;
  readonly example: string;
  /** The client runs in browsers and lives on what is ambient there. */
  readonly clientMay?: boolean;
}

const BANNED: readonly Banned[] = [
  {
    what: "the clock",
    // `new Date(ms)` only writes a moment down.
    pattern: /\bDate\.now\b|\bnew Date(?:\(\s*\)|(?!\())|(?<!new )\bDate\(|\bperformance\.|\bprocess\.hrtime\b/g,
    instead: "a Clock",
    example: "const now = Date.now();",
  },
  {
    what: "timers",
    pattern: /(?<![.\w])(set|clear)(Timeout|Interval|Immediate)\b/g,
    instead: "Clock.after or a Scheduler",
    example: "setTimeout(() => undefined, 5);",
  },
  {
    what: "randomness",
    pattern: /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b|(?<![.\w])crypto\./g,
    instead: "a Random",
    example: "const x = Math.random();",
  },
  {
    what: "signals with a life of their own",
    pattern: /\bAbortSignal\.(any|timeout)\b|\bWeakRef\b|\bFinalizationRegistry\b/g,
    instead: "a deadline in Within",
    clientMay: true,
    example: "const s = AbortSignal.timeout(5);",
  },
  {
    what: "the process",
    pattern: /(?<![.\w])process\.|\bglobalThis\b/g,
    instead: "Processes",
    clientMay: true,
    example: "const home = process.env;",
  },
  { what: "the console", pattern: /(?<![.\w])console\./g, instead: "a Log", example: "console.log(1);" },
  {
    what: "fetch",
    pattern: /(?<![.\w#])fetch\(/g,
    instead: "Network",
    clientMay: true,
    example: 'const r = await fetch("http://x");',
  },
];

/** Modules of Node that reach out of the process, or start something in it. */
const REACHING =
  /^node:(fs|net|http|http2|https|tls|dgram|dns|child_process|cluster|worker_threads|timers|os|sqlite|process|console|repl|readline|inspector)(\/|$)/;

function offendersIn(files: FileMap, { what, pattern, instead, clientMay }: Banned): readonly string[] {
  return [...files]
    .filter(([path]) => isProduction(path) && !HOMES.test(path) && !(clientMay === true && path.startsWith("client/")))
    .flatMap(([path, text]) => {
      const code = withoutProse(text);
      return [...code.matchAll(pattern)].map(
        ({ 0: found, index }) => `${path}:${lineAt(code, index)} uses ${what} (${found}): use ${instead}`,
      );
    });
}

const byWord: readonly Rule[] = BANNED.map((banned) => ({
  name: `${banned.what} comes through a seam`,
  check: (files) => offendersIn(files, banned),
  planted: ["runtime/planted.ts", "actors/storage/planted.ts", "supervisor/planted.ts"].map(
    (path): Planted => ({
      what: `${banned.what} in ${path}`,
      files: { [path]: `/** Planted. */\n${banned.example}\n` },
      says: `${path}:2 uses ${banned.what}`,
    }),
  ),
}));

export const ambient: readonly Rule[] = [
  ...byWord,
  {
    name: "the client names nothing that browsers do not have",
    check: (files) =>
      [...files]
        .filter(([path]) => path.startsWith("client/"))
        .flatMap(([path, text]) => {
          const code = withoutProse(text);
          return [...code.matchAll(/\bBuffer\b|\bprocess\b|\brequire\b|\bReadableStream\.from\b/g)].map(
            ({ 0: found, index }) => `${path}:${lineAt(code, index)} names ${found}`,
          );
        }),
    planted: [
      {
        what: "a class of Node",
        files: { "client/planted.ts": "/** Planted. */\nconst bytes = Buffer.alloc(1);\n" },
        says: "client/planted.ts:2 names Buffer",
      },
    ],
  },
  {
    name: "only the homes of the seams import the modules of Node that reach outside",
    check: (files) =>
      importsOf(files, (path) => isProduction(path) && !HOMES.test(path))
        .filter(({ specifier, typeOnly }) => REACHING.test(specifier) && !typeOnly)
        .filter(({ names }) => names.length === 0 || !names.every((name) => PURE.has(name)))
        .map(({ from, specifier }) => `${from} imports ${specifier}`),
    planted: [
      {
        what: "the disk",
        files: { "actors/storage/planted.ts": 'import { readFileSync } from "node:fs";\n' },
        says: "actors/storage/planted.ts imports node:fs",
      },
      {
        what: "promises of timers",
        files: { "runtime/planted.ts": 'import { setTimeout } from "node:timers/promises";\n' },
        says: "runtime/planted.ts imports node:timers/promises",
      },
    ],
  },
];
