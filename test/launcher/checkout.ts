/**
 * A checkout in a temporary folder with the real launcher in it, and an `npm` that installs in no time what a test
 * wants. It counts its calls.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const LAUNCHER = join(import.meta.dirname, "..", "..", "cepa");
const TOOLS = "sh cat cksum dirname readlink uname mkdir mktemp rm id flock sleep true chmod find mv".split(" ");

export interface Launched {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LaunchOptions {
  readonly cwd?: string;
  /** By which path the launcher is called. */
  readonly launcher?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Checkout implements Disposable {
  readonly parent: string;
  readonly root: string;
  readonly #bin: string;

  /** `npm` is the script of the fake; null leaves it out. The folder's name has a space. */
  constructor(npm: string | null = INSTALLS) {
    this.parent = mkdtempSync(join(tmpdir(), "cepa-launcher-"));
    this.root = join(this.parent, "a check out");
    this.#bin = join(this.parent, "bin");
    mkdirSync(this.root);
    mkdirSync(this.#bin);
    copyFileSync(LAUNCHER, join(this.root, "cepa"));
    chmodSync(join(this.root, "cepa"), 0o755);
    for (const name of ["package.json", "package-lock.json"]) writeFileSync(join(this.root, name), "{}\n");
    for (const tool of TOOLS) symlinkSync(find(tool), join(this.#bin, tool));
    if (npm !== null) this.program("npm", npm);
    this.script("supervisor/compile.ts", 'require("node:fs").appendFileSync("compilations", "x");');
    this.script("cli/main.ts", "console.log(JSON.stringify(process.argv.slice(2)), process.cwd());");
  }

  /** Puts a program into the PATH of the launcher. */
  program(name: string, script: string): void {
    writeFileSync(join(this.#bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Writes a file of the checkout that Node will run. */
  script(path: string, text: string): void {
    mkdirSync(join(this.root, path, ".."), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  changeLockfile(): void {
    writeFileSync(join(this.root, "package-lock.json"), '{"changed": true}\n');
  }

  installCount(): number {
    return this.#countOf("installs");
  }

  /** Counts only where the launcher is called from the checkout's own folder. */
  compileCount(): number {
    return this.#countOf("compilations");
  }

  /** Starts the launcher and answers with the process, for what does not end by itself. */
  start(args: readonly string[], options: LaunchOptions = {}): ChildProcessWithoutNullStreams {
    const { cwd = this.root, launcher = join(this.root, "cepa"), env = {} } = options;
    return spawn(launcher, args, {
      cwd,
      env: { PATH: this.#bin, HOME: this.parent, REAL_NODE: process.execPath, ...env },
    });
  }

  async run(args: readonly string[], options: LaunchOptions = {}): Promise<Launched> {
    const child = this.start(args, options);
    child.stdin.end();
    const [stdout, stderr, code] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      new Promise<number | null>((resolve) => child.once("close", resolve)),
    ]);
    return { code, stdout, stderr };
  }

  /** Each time leaves one letter. */
  #countOf(name: string): number {
    const path = join(this.root, name);
    return existsSync(path) ? readFileSync(path, "utf8").length : 0;
  }

  [Symbol.dispose](): void {
    rmSync(this.parent, { recursive: true, force: true });
  }
}

/** Takes a moment, as an installation does, and leaves half of it behind meanwhile. */
export const INSTALLS = `
[ "$1" = ci ] || exit 9
printf x >>installs
rm -rf node_modules
for machine in x64 arm64; do
  mkdir -p "node_modules/node-linux-$machine/bin"
  sleep 0.2
  printf '#!/bin/sh\\nexec "$REAL_NODE" "$@"\\n' >"node_modules/node-linux-$machine/bin/node"
  chmod 755 "node_modules/node-linux-$machine/bin/node"
done`;

function find(tool: string): string {
  const found = (process.env["PATH"] ?? "").split(delimiter).find((folder) => existsSync(join(folder, tool)));
  if (found === undefined) throw new Error(`${tool} is not in the PATH`);
  return join(found, tool);
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}
