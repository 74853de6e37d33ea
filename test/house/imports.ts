/** The import statements of the repository, found without a parser: the formatter keeps them in one shape. */
import { type FileMap, withoutComments } from "#test/house/tree.ts";

export interface Import {
  readonly from: string;
  /** As written: `#runtime/bus.ts`, `node:fs`, `commander`. */
  readonly specifier: string;
  /** Leaves nothing at run time. */
  readonly typeOnly: boolean;
  /** Between the braces; none for anything but a list of names. */
  readonly names: readonly string[];
  /** `import()`: loaded only when reached. */
  readonly dynamic: boolean;
}

const STATIC = /^(?:import|export)\s+(type\s)?([^"';]*?)\s*from\s+"([^"]+)";/gm;
const BARE = /^import\s+"([^"]+)";/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;
const RESOLVED = /\bimport\.meta\.resolve\(\s*"([^"]+)"\s*\)/g;

export function importsOf(files: FileMap, accept: (path: string) => boolean): readonly Import[] {
  return [...files]
    .filter(([path]) => path.endsWith(".ts") && accept(path))
    .flatMap(([from, text]) => importsIn(from, withoutComments(text)));
}

function importsIn(from: string, text: string): readonly Import[] {
  const found: Import[] = [];
  for (const [, type, names = "", specifier = ""] of text.matchAll(STATIC)) {
    const listed = namesIn(names);
    // `{ type A, type B }` leaves nothing at run time either.
    const typeOnly = type !== undefined || (listed.length > 0 && listed.every((name) => name.startsWith("type ")));
    found.push({ from, specifier, names: listed, typeOnly, dynamic: false });
  }
  const unnamed = { from, names: [], typeOnly: false };
  for (const [, specifier = ""] of text.matchAll(BARE)) found.push({ ...unnamed, specifier, dynamic: false });
  for (const pattern of [DYNAMIC, RESOLVED]) {
    for (const [, specifier = ""] of text.matchAll(pattern)) {
      found.push({ ...unnamed, specifier, dynamic: true });
    }
  }
  return found;
}

function namesIn(clause: string): readonly string[] {
  const inner = clause.match(/^\{([\s\S]*)\}$/)?.[1] ?? "";
  const names = inner.split(",").map((name) => name.trim());
  return names.filter((name) => name !== "");
}

/** `#runtime/bus.ts` is the file `runtime/bus.ts`; undefined for what is not ours. */
export function fileOf({ specifier }: Import): string | undefined {
  return specifier.startsWith("#") ? specifier.slice(1) : undefined;
}

/** The package of a specifier: `@scope/name` or `name`; undefined for Node's modules and for our files. */
export function packageOf({ specifier }: Import): string | undefined {
  if (/^(node:|#|\.)/.test(specifier)) return undefined;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** For the lines of a rule. */
export function tell({ from, specifier, typeOnly }: Import): string {
  return `${from} imports ${typeOnly ? "types of " : ""}${specifier}`;
}
