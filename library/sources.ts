/**
 * The sources that the library's entries lead to, and the packages that those need.
 *
 * Only `runtime/` and `supervisor/` may be among them, and no platform service: what would drag one in is refused here,
 * so it cannot reach a user.
 */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface Sources {
  /** Text by path from the root, e.g. `runtime/bus.ts`; files of which only types are used are among them. */
  readonly files: ReadonlyMap<string, string>;
  /** Packages that are loaded when an entry is, sorted. */
  readonly packages: readonly string[];
}

/** Why there can be no library, one problem a line. */
export class LibraryProblem extends Error {
  override readonly name = "LibraryProblem";
}

/** `import … from "x"`, `export … from "x"` and `import type …`. The formatter keeps them in one shape. */
const STATIC = /^(?:import|export)\s+(type\s)?(?:[^"';()]*?\sfrom\s+)?"([^"]+)";/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;
/** `"#runtime/bus.ts"` after `from`, `import` or `import(`. */
const OURS = /(\b(?:from|import)\s*\(?\s*")#([^"]+)\.ts"/g;

/** What the library may depend on (docs/dependencies.md). */
const PACKAGES_ALLOWED: ReadonlySet<string> = new Set(["xstate"]);

export function readSources(root: string, entries: readonly string[]): Sources {
  const files = new Map<string, string>();
  const packages = new Set<string>();
  const problems: string[] = [];
  const visit = (path: string): void => {
    if (files.has(path)) return;
    const text = readFileSync(join(root, path), "utf8");
    files.set(path, text);
    for (const { specifier, typeOnly } of importsOf(text)) {
      if (/^#(runtime|supervisor)\//.test(specifier)) visit(specifier.slice(1));
      else if (PACKAGES_ALLOWED.has(specifier)) packages.add(specifier);
      else if (!specifier.startsWith("node:"))
        problems.push(`${path} imports ${typeOnly ? "types of " : ""}${specifier}`);
    }
  };
  for (const entry of entries) visit(entry);
  if (problems.length > 0) throw new LibraryProblem(problems.join("\n"));
  return { files, packages: [...packages].sort() };
}

/** The same text with relative paths in the place of paths from the root: nobody has to resolve them. */
export function withRelativeImports(path: string, text: string): string {
  return text.replaceAll(OURS, (_, before: string, target: string) => {
    const way = posix.relative(posix.dirname(path), target);
    return `${before}${way.startsWith(".") ? way : `./${way}`}.js"`;
  });
}

function importsOf(text: string): readonly { readonly specifier: string; readonly typeOnly: boolean }[] {
  const found = [...text.matchAll(STATIC)].map(([, type, specifier = ""]) => ({ specifier, typeOnly: Boolean(type) }));
  const later = [...text.matchAll(DYNAMIC)].map(([, specifier = ""]) => ({ specifier, typeOnly: false }));
  return [...found, ...later];
}
