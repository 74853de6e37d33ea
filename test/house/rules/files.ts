/** What a file looks like: a header, a bounded size, and none of the words and forms that the house does without. */
import type { Rule } from "#test/house/rule.ts";
import { type FileMap, lineAt, withoutProse } from "#test/house/tree.ts";

const LINES_MAX = 400;

/** Tests may be long lists. */
const isProgram = (path: string): boolean => isTypeScript(path) && !path.startsWith("test/");
const isTypeScript = (path: string): boolean => path.endsWith(".ts");

/** Forms that have a better one. `where` narrows to files in which the form is not wanted. */
const FORMS: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly where: (path: string) => boolean;
  readonly example: string;
}[] = [
  {
    what: "an escape from types",
    pattern: /\bas any\b|:\s*any\b|<any>/g,
    // This line would be one of its own offenders.
    where: (path) => isTypeScript(path) && !path.startsWith("test/house/"),
    example: "const x = y as any;",
  },
  {
    what: "an export without a name",
    pattern: /\bexport default\b|\bexport \*/g,
    where: isTypeScript,
    example: "export default 1;",
  },
  {
    what: "an anonymous error",
    pattern: /\b(throw|reject\() ?new (Type|Range)?Error\(/g,
    // Seams stand for libraries and the system, which throw errors.
    where: (path) => /^(runtime|actors|supervisor)\/(?!(real|simulated)\/)/.test(path),
    example: 'throw new Error("x");',
  },
];

/** Spelled apart, so that this file does not contain what it looks for. */
const LEFT_OPEN = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);

function offendersOf(files: FileMap, { what, pattern, where }: (typeof FORMS)[number]): readonly string[] {
  return [...files]
    .filter(([path]) => where(path))
    .flatMap(([path, text]) => {
      const code = withoutProse(text);
      return [...code.matchAll(pattern)].map(({ index }) => `${path}:${lineAt(code, index)} has ${what}`);
    });
}

export const shape: readonly Rule[] = [
  {
    name: "every file starts with a header",
    check: (files) =>
      [...files]
        .filter(([path, text]) => isTypeScript(path) && !/^(#![^\n]*\n)?\/\*\*[\s\S]{8,}?\*\//.test(text))
        .map(([path]) => `${path} has no header`),
    planted: [
      { what: "code at once", files: { "runtime/planted.ts": "export const x = 1;\n" }, says: "runtime/planted.ts" },
    ],
  },
  {
    name: `no file is longer than ${LINES_MAX} lines`,
    check: (files) =>
      [...files]
        .filter(([path, text]) => isProgram(path) && text.split("\n").length - 1 > LINES_MAX)
        .map(([path]) => `${path} is longer than ${LINES_MAX} lines: look for its second noun`),
    planted: [
      {
        what: "one line past the limit",
        files: { "runtime/planted.ts": `/** Planted. */\n${"\n".repeat(LINES_MAX)}` },
        says: "runtime/planted.ts",
      },
    ],
  },
  {
    name: "nothing is left open",
    check: (files) =>
      [...files]
        .filter(([path, text]) => /\.(ts|sh|md)$|^cepa$/.test(path) && LEFT_OPEN.test(text))
        .map(([path]) => `${path} leaves something open: make it an issue, or nothing`),
    planted: [
      {
        what: "a note to oneself",
        files: { "runtime/planted.ts": `// ${"TO" + "DO"} later\n` },
        says: "runtime/planted.ts",
      },
    ],
  },
  ...FORMS.map(
    (form): Rule => ({
      name: `there is not ${form.what}`,
      check: (files) => offendersOf(files, form),
      planted: [
        {
          what: form.what,
          files: { "runtime/planted.ts": `/** Planted. */\n${form.example}\n` },
          says: `runtime/planted.ts:2 has ${form.what}`,
        },
      ],
    }),
  ),
  {
    name: "a test runs, alone and always",
    check: (files) =>
      [...files]
        .filter(([path]) => /^test\/.*\.test\.ts$/.test(path))
        .filter(([, text]) => /\b(describe|it|test)\.(only|todo)\(|\bonly: true/.test(withoutProse(text)))
        .map(([path]) => `${path} singles out a test`),
    planted: [
      {
        what: "an exclusive test",
        files: { "test/planted.test.ts": `/** Planted. */\nit.${"only"}("x", () => undefined);\n` },
        says: "test/planted.test.ts",
      },
    ],
  },
];
