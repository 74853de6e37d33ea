/** The tables of limits and of errors say what the code says, in both directions. */
import { agrees, limitsOf, rowFor } from "#test/house/limits.ts";
import { rowsOf } from "#test/house/markdown.ts";
import type { Rule } from "#test/house/rule.ts";
import { type FileMap, isProduction, withoutComments } from "#test/house/tree.ts";

const LIMITS = "specs/limits.md";
const ERRORS = "specs/errors.md";

function limitProblems(files: FileMap): readonly string[] {
  const rows = rowsOf(files.get(LIMITS) ?? "");
  const limits = limitsOf(files);
  const problems: string[] = [];
  for (const limit of limits) {
    if (limit.unit === "unread") {
      problems.push(`${limit.where} has the limit ${limit.name} = ${limit.value}, of which no number can be read`);
      continue;
    }
    const row = rows.find(([name, , , , where]) => name === limit.name && where === limit.where);
    if (row === undefined) problems.push(`${LIMITS} lacks the row ${rowFor(limit)}`);
    else if (!agrees(limit, row[1] ?? "", row[2] ?? "")) {
      problems.push(`${LIMITS} says ${limit.name} is ${row[1]} ${row[2]}, the code says ${limit.value} ${limit.unit}`);
    } else if ((row[3] ?? "").length < 10) problems.push(`${LIMITS} does not say what happens at ${limit.name}`);
  }
  for (const [name, , , , where] of rows) {
    const known = limits.some((limit) => limit.name === name && limit.where === where);
    if (!known) problems.push(`${LIMITS} has a row for ${name} in ${where}, which the code does not have`);
  }
  return problems;
}

/** Every failure code that the code can utter, with one place that does. */
function codesOf(files: FileMap): ReadonlyMap<string, string> {
  const codes = new Map<string, string>();
  for (const [path, text] of files) {
    if (!isProduction(path)) continue;
    for (const pattern of CODE_PATTERNS) {
      for (const [, code = ""] of withoutComments(text).matchAll(pattern)) {
        if (!codes.has(code)) codes.set(code, path);
      }
    }
  }
  return codes;
}

const CODE_PATTERNS = [
  /\bFailure<\s*"([^"]+)"\s*>/g,
  /\bcode: "([a-z-]+\.[a-z-]+)"/g,
  // Tables of refusals: the code is the key.
  /^ {2}"([a-z-]+\.[a-z-]+)": \{/gm,
];

function errorProblems(files: FileMap): readonly string[] {
  const rows = rowsOf(files.get(ERRORS) ?? "");
  const codes = codesOf(files);
  const problems: string[] = [];
  for (const [code, path] of codes) {
    const same = rows.filter(([name]) => name === code);
    if (same.length === 0) problems.push(`${ERRORS} lacks the row | \`${code}\` | … | … | (used in ${path})`);
    else if (same.length > 1) problems.push(`${ERRORS} has ${same.length} rows for ${code}`);
    else if (same[0]?.slice(1, 3).some((cell) => cell.length < 4))
      problems.push(`${ERRORS} says too little on ${code}`);
  }
  for (const [name = ""] of rows) {
    if (!codes.has(name)) problems.push(`${ERRORS} has a row for ${name}, which no code utters`);
  }
  return problems;
}

const NO_LIMITS = "| name | value | unit | at the limit | where |\n| --- | --- | --- | --- | --- |\n";

export const tables: readonly Rule[] = [
  {
    name: "the table of limits is that of the code",
    check: limitProblems,
    planted: [
      {
        what: "a constant without a row",
        files: { "runtime/planted.ts": "export const PLANTED_BYTES_MAX: number = 3 * KiB;\n" },
        says: "lacks the row | `PLANTED_BYTES_MAX` | 3 | KiB | … | `runtime/planted.ts` |",
      },
      {
        what: "a constant that refers to one of another file",
        files: {
          "runtime/planted.ts":
            'import { PLANTED_MS } from "#runtime/other.ts";\nexport const LATE_MS: number = 2 * PLANTED_MS;\n',
          "runtime/other.ts": "/** Not known there. */\nexport const PLANTED_MS = 1500;\n",
        },
        says: "lacks the row | `LATE_MS` | 3 | s | … | `runtime/planted.ts` |",
      },
      {
        what: "a constant that cannot be read",
        files: { "runtime/planted.ts": "export const PLANTED_MAX: number = cores();\n" },
        says: "runtime/planted.ts has the limit PLANTED_MAX = cores(), of which no number can be read",
      },
      {
        what: "a setting without a row",
        files: {
          "actors/storage/planted.ts":
            "export const s: ConfigSchema<C> = {\n  plantedMs: durationMs({ default: 5 * second, min: 1, max: 9 }),\n};\n",
        },
        says: "lacks the row | `storage.plantedMs` | 5 | s |",
      },
      {
        what: "a setting that is spread over lines",
        files: {
          "actors/storage/planted.ts":
            "export const s: ConfigSchema<C> = {\n  plantedMax: count({\n    default: 7,\n    min: 1,\n    max: 9,\n  }),\n};\n",
        },
        says: "lacks the row | `storage.plantedMax` | 7 | count |",
      },
      {
        what: "a setting that is a list",
        files: {
          "actors/storage/planted.ts":
            'export const s: ConfigSchema<C> = {\n  planted: texts({ default: ["a", "b"], pattern: /./ }),\n};\n',
        },
        says: "lacks the row | `storage.planted` | `a, b` | texts |",
      },
      {
        what: "a row with another value",
        files: {
          "runtime/planted.ts": "export const PLANTED_MS = 1500;\n",
          [LIMITS]: `${NO_LIMITS}| \`PLANTED_MS\` | 15 | s | The call ends. | \`runtime/planted.ts\` |\n`,
        },
        says: "says PLANTED_MS is 15 s, the code says 1500 ms",
      },
      {
        what: "a row that says nothing",
        files: {
          "runtime/planted.ts": "export const PLANTED_MS = 1500;\n",
          [LIMITS]: `${NO_LIMITS}| \`PLANTED_MS\` | 1.5 | s | … | \`runtime/planted.ts\` |\n`,
        },
        says: "does not say what happens at PLANTED_MS",
      },
      {
        what: "a row without a constant",
        files: { [LIMITS]: `${NO_LIMITS}| \`GONE_MAX\` | 1 | count | Nothing more. | \`runtime/gone.ts\` |\n` },
        says: "has a row for GONE_MAX",
      },
    ],
  },
  {
    name: "the table of errors is that of the code",
    check: errorProblems,
    planted: [
      {
        what: "a failure without a row",
        files: { "actors/storage/planted.ts": 'export interface X extends Failure<"storage.planted"> {}\n' },
        says: "lacks the row | `storage.planted` |",
      },
      {
        what: "a code that is only answered",
        files: { "runtime/planted.ts": 'const x = fail({ code: "runtime.planted" });\n' },
        says: "lacks the row | `runtime.planted` |",
      },
      {
        what: "a row without a failure",
        files: { [ERRORS]: "| code | meaning | what to do |\n| --- | --- | --- |\n| `x.gone` | Gone. | Nothing. |\n" },
        says: "has a row for x.gone",
      },
    ],
  },
];
