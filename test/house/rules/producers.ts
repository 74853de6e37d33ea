/**
 * What the page for producers says is what the code says: the words of its tables, in both directions, and its numbers.
 *
 * A table is found by the heading above it, and a word of the code by the type, or the line, that it stands in.
 */
import { agrees, limitsOf } from "#test/house/limits.ts";
import { rowsOf } from "#test/house/markdown.ts";
import type { Rule } from "#test/house/rule.ts";
import { type FileMap, withoutComments } from "#test/house/tree.ts";

const PAGE = "specs/formats/producers.md";

interface Source {
  readonly path: string;
  /** Name of a type, of which all texts count; or what has them in its first group. */
  readonly words: string | RegExp;
}

interface WordTable {
  readonly heading: string;
  /** Where the words are, from 0: all that stand in code marks. */
  readonly column: number;
  readonly sources: readonly Source[];
  /** Words of the code that no producer ever sees there. */
  readonly unsaid: readonly string[];
}

const DIRECTORY = "actors/auth/directory/directory.ts";
const REQUEST = { path: "actors/auth/signed-request.ts", words: "RequestRefusal" };
const PASSED = { path: "actors/auth/gate.ts", words: "Passed" };
const RECEIVED = { path: "actors/auth/requests.ts", words: "Received" };
const UNCERTIFIED = { path: "actors/auth/requests.ts", words: /readonly reason: ("invalid_cert" \| "rate_limited");/ };
const KINDS = ["unverified", "refused", "received", "passed"];

const TABLES: readonly WordTable[] = [
  {
    heading: "What a request was signed for",
    column: 1,
    sources: [
      { path: "actors/auth/purpose.ts", words: "Purpose" },
      { path: DIRECTORY, words: "Operation" },
    ],
    unsaid: [],
  },
  {
    heading: "Statuses of registrations",
    column: 0,
    sources: [
      REQUEST,
      PASSED,
      { path: DIRECTORY, words: "Registered" },
      { path: DIRECTORY, words: /type Deregistered =\s*\| \{ readonly kind: ("\w+")/ },
    ],
    unsaid: ["bad_nonce", "passed", "still-pending", "full"],
  },
  {
    heading: "Reasons of denied registrations",
    column: 0,
    sources: [
      { path: DIRECTORY, words: "DeniedReason" },
      { path: DIRECTORY, words: "KeyStatus" },
      { path: DIRECTORY, words: /readonly reason: ("\w+") \| Exclude<KeyStatus/ },
      { path: "actors/auth/registrations.ts", words: /reason === "pending" \? ("\w+")/ },
    ],
    unsaid: ["pending", "approved"],
  },
  {
    heading: "Reasons of denied tokens",
    column: 0,
    sources: [
      { path: DIRECTORY, words: "Issued" },
      { path: DIRECTORY, words: "AnotherRefused" },
      { path: DIRECTORY, words: "Renewed" },
      PASSED,
      RECEIVED,
      UNCERTIFIED,
    ],
    unsaid: [...KINDS, "issued", "renewed", "replay", "unknown_key"],
  },
  {
    heading: "Errors of subjects",
    column: 0,
    sources: [
      { path: "actors/ingest/subject-request.ts", words: /readonly reason: ([^;]+);/ },
      { path: "actors/ingest/rows/event-rows.ts", words: "SubjectRefusal" },
      { path: "actors/auth/protocol.ts", words: "SubjectRefusal" },
      UNCERTIFIED,
    ],
    unsaid: ["replay", "unknown_key"],
  },
  {
    heading: "Reasons of dead letters",
    column: 0,
    sources: [
      { path: "actors/ingest/dead-letter.ts", words: "DeadReason" },
      { path: "actors/domain/events/event.ts", words: "EventReason" },
    ],
    unsaid: [],
  },
  {
    heading: "Errors of events",
    column: 0,
    sources: [
      { path: "actors/domain/events/event.ts", words: "EventProblem" },
      { path: "actors/domain/events/json-parts.ts", words: "JsonProblem" },
      { path: "actors/ingest/judge.ts", words: /dead\("bad_event_json", ("[^"]+")/ },
    ],
    unsaid: [],
  },
  {
    heading: "Errors of tokens",
    column: 0,
    sources: [
      { path: "actors/domain/tokens/token.ts", words: "TokenRefusedReason" },
      { path: "actors/domain/tokens/token-text.ts", words: "TokenTextProblem" },
      { path: "actors/auth/admissions.ts", words: /function refused\(([^)]+)\)/ },
    ],
    unsaid: [],
  },
];

function wordProblems(files: FileMap): readonly string[] {
  return TABLES.flatMap(({ heading, column, sources, unsaid }) => {
    const found = sources.map(({ path, words }) => wordsIn(files.get(path) ?? "", words));
    const lost = sources.filter((_, at) => found[at]?.length === 0);
    const uttered = new Set(found.flat());
    const said = saidUnder(files.get(PAGE) ?? "", heading, column);
    return [
      ...lost.map(({ path, words }) => `${path} has nothing any more that is ${words}`),
      ...[...uttered]
        .filter((word) => !said.has(word) && !unsaid.includes(word))
        .map((word) => `${PAGE} lacks ${word} under "${heading}"`),
      ...[...said]
        .filter((word) => !uttered.has(word) || unsaid.includes(word))
        .map((word) => `${PAGE} has ${word} under "${heading}", which no code utters there`),
    ];
  });
}

/** Texts in a type, or in what `words` finds. */
function wordsIn(text: string, words: string | RegExp): readonly string[] {
  const pattern =
    typeof words === "string" ? new RegExp(`\\btype ${words} =([\\s\\S]*?);\\n(?=\\s*\\n|export |$)`) : words;
  const [, found = ""] = pattern.exec(withoutComments(text)) ?? [];
  return [...found.matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word);
}

function saidUnder(page: string, heading: string, column: number): ReadonlySet<string> {
  const [, behind = ""] = page.split(`### ${heading}\n`);
  const [section = ""] = behind.split(/^##/m);
  const cells = rowsOf(section).map((row) => `\`${row[column] ?? ""}\``.replaceAll("``", "`"));
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, word = ""]) => word)));
}

/** Where a number stands before the name of a limit. */
const NUMBER = /(\d+)(?:\s(KiB|MiB|min|s|ms))?\s\(`([A-Z][A-Z_]+|[a-z]+\.\w+)`\)/g;

function numberProblems(files: FileMap): readonly string[] {
  const limits = limitsOf(files);
  return [...(files.get(PAGE) ?? "").matchAll(NUMBER)].flatMap(([, value = "", unit = "count", name = ""]) => {
    const same = limits.filter((limit) => limit.name === name);
    if (same.some((limit) => agrees(limit, value, unit))) return [];
    return [`${PAGE} says that ${name} is ${value} ${unit}, which it is not`];
  });
}

export const producers: readonly Rule[] = [
  {
    name: "the words of the page for producers are those of the code",
    check: wordProblems,
    planted: [
      {
        what: "a reason without a row",
        files: { "actors/ingest/dead-letter.ts": 'export type DeadReason =\n  | EventReason\n  | "planted_reason";\n' },
        says: 'lacks planted_reason under "Reasons of dead letters"',
      },
      {
        what: "a row without a reason",
        files: {
          [PAGE]: "### Errors of tokens\n| error | what |\n| --- | --- |\n| `auth_required`, `gone` | No token. |\n",
        },
        says: 'has gone under "Errors of tokens"',
      },
      {
        what: "a row for a word that no producer sees",
        files: { [PAGE]: "### Statuses of registrations\n| status |\n| --- |\n| `bad_nonce` |\n" },
        says: 'has bad_nonce under "Statuses of registrations"',
      },
      {
        what: "a type that has gone",
        files: { "actors/auth/purpose.ts": "export const nothing = 1;\n" },
        says: "actors/auth/purpose.ts has nothing any more that is Purpose",
      },
    ],
  },
  {
    name: "the numbers of the page for producers are those of the limits",
    check: numberProblems,
    planted: [
      {
        what: "another number",
        files: { [PAGE]: "Up to 63 (`TAGS_MAX`) tags.\n" },
        says: "says that TAGS_MAX is 63 count",
      },
      {
        what: "another unit",
        files: { [PAGE]: "Up to 60 s\n(`TOKEN_MS`).\n" },
        says: "says that TOKEN_MS is 60 s",
      },
      {
        what: "a limit that there is not",
        files: { [PAGE]: "Up to 64 (`PLANTED_MAX`) of them.\n" },
        says: "says that PLANTED_MAX is 64 count",
      },
    ],
  },
];
