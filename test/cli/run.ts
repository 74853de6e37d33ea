/** Runs the command line as a user does: as a process, with its output and exit code for an answer. */
import { spawn } from "node:child_process";
import { join } from "node:path";

/** The entry of the command line. */
export const MAIN: string = join(import.meta.dirname, "..", "..", "cli", "main.ts");

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A line of shell around the command, which is its `"$@"`: for redirections. */
  readonly shell?: string;
  /** Longest file that it may write, in blocks of 512 bytes. */
  readonly fileBlocksMax?: number;
}

/** Nothing of this process's environment but the path reaches the command. */
export async function cepa(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input, env = {}, cwd } = options;
  const [program = "", ...rest] = lineOf(args, options);
  const child = spawn(program, rest, {
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin.end(input ?? "");
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { code, stdout, stderr };
}

function lineOf(args: readonly string[], { shell, fileBlocksMax }: RunOptions): readonly string[] {
  const line = [process.execPath, MAIN, ...args];
  if (shell === undefined && fileBlocksMax === undefined) return line;
  // What a run covers would be a file too.
  const limit = fileBlocksMax === undefined ? "" : `unset NODE_V8_COVERAGE; ulimit -f ${fileBlocksMax}; `;
  return ["/bin/sh", "-c", `${limit}${shell ?? 'exec "$@"'}`, "sh", ...line];
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}
