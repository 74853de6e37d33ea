/** The files of the repository as a map, so that a rule is a function and can be fed an offender that does not exist. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Path from the root to contents, for every text file that a rule may look at. */
export type FileMap = ReadonlyMap<string, string>;

const SKIPPED: ReadonlySet<string> = new Set(["node_modules", ".git", ".cache", "results"]);
const READ = /\.(ts|json|md|toml|sh|tla|cfg|pml)$|^(cepa|\.npmrc|\.gitignore|\.ci\/run)$/;

/** Everything below `root` that is not installed, built or hidden. */
export function readTree(root: string): FileMap {
  const files = new Map<string, string>();
  walk(root, "", files);
  return files;
}

function walk(root: string, folder: string, files: Map<string, string>): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(root, path, files);
    else if (entry.isFile() && READ.test(path)) files.set(path, readFileSync(join(root, path), "utf8"));
  }
}

/** TypeScript that runs in a node or beside one: everything but tests and benches. */
export function isProduction(path: string): boolean {
  return /^(runtime|actors|supervisor|cli|client|console|chaos|release)\/.*\.ts$/.test(path);
}

/** TypeScript that runs inside a node. */
export function isInsideNode(path: string): boolean {
  return /^(runtime|actors|supervisor)\/.*\.ts$/.test(path);
}

/** `text` with comments blanked, lines kept, so that a rule about code does not read prose. */
export function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_TEXT, (match) => (/^\/[/*]/.test(match) ? match.replace(/[^\n]/g, " ") : match));
}

/** `text` with comments and the insides of string literals blanked. */
export function withoutProse(text: string): string {
  return text.replace(COMMENT_OR_TEXT, (match) => match.replace(/[^\n]/g, " "));
}

const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** Where in `text` an index is, counted from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
