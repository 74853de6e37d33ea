/**
 * What an entry exports, read from the declarations that the compiler wrote: each name with its doc comment.
 *
 * It reads text, because the compiler has no interface for programs; that text has one shape. Whatever does not have it
 * is a problem that is told, never a name that is passed over.
 */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { LibraryProblem } from "#library/sources.ts";

export interface Declaration {
  readonly name: string;
  /** Path from the root without its ending, e.g. `runtime/bus`. */
  readonly module: string;
  /** Of the doc comment, without its stars. */
  readonly text: string;
  /** As declared, doc comments of members included; all overloads. */
  readonly code: string;
}

export interface Api {
  /** Of the entry's header. */
  readonly text: string;
  /** In the entry's order. */
  readonly declarations: readonly Declaration[];
}

const EXPORTS = /^export (?:type )?\{([^}]*)\} from "([^"]+)\.js";$/gm;
const DOC = "(?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?";
const MEMBER_HIDDEN = /^ {4}(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n {4})?(?:#private|private [^;]*);\n/gm;

/** `entry` is the path of a declaration file below `directory`. Throws a `LibraryProblem` that tells all problems. */
export function readApi(directory: string, entry: string): Api {
  const text = readFileSync(join(directory, entry), "utf8");
  const problems: string[] = [];
  const declarations = exportsOf(text).flatMap(({ name, from }) => {
    const module = posix.join(posix.dirname(entry), from);
    const found = find(readFileSync(join(directory, `${module}.d.ts`), "utf8"), name);
    if (found === undefined) problems.push(`${name} is not declared in ${module}.ts`);
    else if (found.text === "") problems.push(`${name} has no doc comment in ${module}.ts`);
    return found === undefined ? [] : [{ name, module, ...found }];
  });
  const [header = ""] = text.match(/^\/\*\*[\s\S]*?\*\//) ?? [];
  if (header === "") problems.push(`${entry} has no header`);
  if (declarations.length === 0) problems.push(`${entry} exports nothing`);
  if (problems.length > 0) throw new LibraryProblem(problems.join("\n"));
  return { text: proseOf(header), declarations };
}

function exportsOf(text: string): readonly { readonly name: string; readonly from: string }[] {
  return [...text.matchAll(EXPORTS)].flatMap(([, names = "", from = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => ({ name, from })),
  );
}

/** All declarations of `name`, the first with its comment. */
function find(text: string, name: string): { readonly text: string; readonly code: string } | undefined {
  const start = new RegExp(`^(${DOC})export (?:declare )?(interface|type|class|function|const) ${name}\\b`, "gm");
  const found = [...text.matchAll(start)].map(({ 0: all, 1: doc = "", 2: keyword = "", index }) => {
    const isBlock = keyword === "interface" || keyword === "class";
    const end = isBlock ? text.indexOf("\n}", index) + 2 : endOfStatement(text, index + all.length);
    return { doc, code: text.slice(index + doc.length, end) };
  });
  const [first] = found;
  if (first === undefined) return undefined;
  const lines = found.map(({ code }) => code.replaceAll(MEMBER_HIDDEN, "").replace(/^export (declare )?/, ""));
  return { text: proseOf(first.doc), code: lines.join("\n") };
}

/** Past the first `;` outside of brackets and comments. */
function endOfStatement(text: string, from: number): number {
  const token = /\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|[{}()[\];]/g;
  token.lastIndex = from;
  let depth = 0;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [mark] = found;
    if (/^[{([]/.test(mark)) depth += 1;
    else if (/^[})\]]/.test(mark)) depth -= 1;
    else if (mark === ";" && depth === 0) return token.lastIndex;
  }
  return text.length;
}

/** The lines of a comment without their marks. */
function proseOf(comment: string): string {
  return comment
    .replace(/^\/\*\*\s?/, "")
    .replace(/\s*\*\/\s*$/, "")
    .split("\n")
    .map((line) => line.replace(/^ *\* ?/, "").trimEnd())
    .join("\n")
    .trim();
}
