/** A project of somebody who uses the library: empty but for the tarball, the examples, and a compiler beside it. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "#library/checkout.ts";

/** A program, or an installation, that takes longer hangs. */
const TIMEOUT_MS = 120_000;

export class Consumer implements Disposable {
  readonly directory: string;
  readonly #typeRoot: string;

  /** `typeRoot` holds the types of Node that the project is compiled against. */
  constructor(typeRoot: string) {
    this.directory = mkdtempSync(join(tmpdir(), "cepa-consumer-"));
    this.#typeRoot = typeRoot;
    this.write("package.json", '{ "name": "consumer", "private": true, "type": "module" }\n');
    mkdirSync(join(this.directory, "examples"));
    const examples = join(repository, "examples");
    // Not the producers, which are clients of a node.
    for (const name of readdirSync(examples).filter((file) => file.endsWith(".ts"))) {
      copyFileSync(join(examples, name), join(this.directory, "examples", name));
    }
  }

  get package(): string {
    return join(this.directory, "node_modules", "cepa");
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.directory, path), text);
  }

  /** Throws, with what npm says, when the tarball cannot be installed. */
  install(tarball: string): void {
    const installed = spawnSync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], {
      cwd: this.directory,
      encoding: "utf8",
      timeout: TIMEOUT_MS,
    });
    if (installed.status !== 0) throw new Error(`npm install failed: ${installed.error?.message ?? installed.stderr}`);
  }

  run(program: string, ...args: readonly string[]): SpawnSyncReturns<string> {
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
    return spawnSync(program, args, { cwd: this.directory, encoding: "utf8", env, timeout: TIMEOUT_MS });
  }

  /** What a strict compiler has to say of the project, the declarations of its packages included; empty if nothing. */
  typeCheck(): string {
    const compilerOptions = {
      target: "es2024",
      lib: ["es2024"],
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      types: ["node"],
      typeRoots: [this.#typeRoot],
    };
    this.write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["*.ts", "examples"] }));
    const compiler = join(repository, "node_modules", "typescript", "bin", "tsc");
    return this.run(process.execPath, compiler, "-p", ".").stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
