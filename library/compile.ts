/**
 * Sources to JavaScript and declarations, by the TypeScript compiler of this repository.
 *
 * What is compiled is a copy with relative imports, so the result needs no import map and no resolver of its own. The
 * language and its library stop at ES2024, which is what the oldest supported Node has.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { LibraryProblem, type Sources, withRelativeImports } from "#library/sources.ts";
import { Staging } from "#library/staging.ts";

export interface CompileOptions {
  /** Of the repository: its compiler, its settings, its packages. */
  readonly root: string;
  readonly sources: Sources;
  /** Directory for what comes out, laid out like the sources. */
  readonly out: string;
  /** Both, or declarations alone. */
  readonly emit: "all" | "declarations";
  /** Directory that holds `node/`, the types of Node to compile against; the repository's own by default. */
  readonly typeRoot?: string;
}

/** Throws a `LibraryProblem` with what the compiler has to say. */
export function compile({ root, sources, out, emit, typeRoot }: CompileOptions): void {
  using staging = new Staging(root);
  for (const [path, text] of sources.files) staging.write(`src/${path}`, withRelativeImports(path, text));
  staging.write("package.json", '{ "type": "module" }');
  const settings = {
    noEmit: false,
    allowImportingTsExtensions: false,
    rootDir: "src",
    outDir: out,
    typeRoots: [typeRoot ?? join(root, "node_modules", "@types")],
  };
  const run = (more: Readonly<Record<string, boolean>>): void => {
    const compilerOptions = { ...settings, ...more };
    const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["src"], exclude: [] };
    staging.write("tsconfig.json", JSON.stringify(config));
    runCompiler(root, staging.directory);
  };
  // Comments are for people: they are in the declarations, where editors show them.
  run({ emitDeclarationOnly: true });
  if (emit === "all") run({ declaration: false, isolatedDeclarations: false, removeComments: true });
}

function runCompiler(root: string, directory: string): void {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", directory], {
    cwd: directory,
    encoding: "utf8",
  });
  if (status !== 0) throw new LibraryProblem(`the compiler refuses the library:\n${stdout}${stderr}`);
}
