/** Other programs: git, npm, a second Node. Each has a deadline, and what it says is bounded. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { MiB, minute } from "#runtime/units.ts";

/** Of what a program writes to either stream. The sources, packed, are the largest. */
export const OUTPUT_BYTES_MAX: number = 256 * MiB;
/** A program that takes longer hangs. */
export const PROGRAM_MS_MAX: number = 10 * minute;

/** A program that is missing, did not end in time, or refused. */
export interface ProgramFailed extends Failure<"release.program-failed"> {
  readonly program: string;
  /** The exit code; undefined where it did not run to its end. */
  readonly exit: number | undefined;
  readonly cause: string;
}

export interface RunOptions {
  readonly cwd: string;
  /** Over the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
  /** Of the files that it makes, as a shell takes it. */
  readonly umask?: string;
  readonly timeoutMs?: number;
  /** Exit codes that are an answer; 0 alone unless it is said. */
  readonly answers?: readonly number[];
}

/** What it wrote to its standard output. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, input, umask, timeoutMs = PROGRAM_MS_MAX, answers = [0] }: RunOptions,
): Promise<Result<Buffer, ProgramFailed>> {
  const refuse = (exit: number | null, cause: string) =>
    fail({ code: "release.program-failed", program, exit: exit ?? undefined, cause });
  const command =
    umask === undefined ? [program, ...args] : ["sh", "-c", 'umask "$0"; exec "$@"', umask, program, ...args];
  const [first = program, ...rest] = command;
  const child = spawn(first, rest, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let broken: string | undefined;
  const keep = (stream: NodeJS.ReadableStream): Buffer[] => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    stream.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= OUTPUT_BYTES_MAX) pieces.push(piece);
      else {
        broken = `it wrote more than ${OUTPUT_BYTES_MAX} bytes`;
        child.kill("SIGKILL");
      }
    });
    return pieces;
  };
  const [out, err] = [keep(child.stdout), keep(child.stderr)];
  child.on("error", (error) => {
    broken = error.message;
  });
  // Who does not read its input is heard of by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((closed) =>
    child.once("close", (code, signal) => closed({ code, signal })),
  );
  if (broken !== undefined) return refuse(null, broken);
  if (signal !== null) return refuse(null, `it was ended by ${signal}, after ${timeoutMs} ms at the latest`);
  const said = Buffer.concat(err).toString().trim() || Buffer.concat(out).toString().trim();
  return answers.includes(code ?? -1) ? ok(Buffer.concat(out)) : refuse(code, said.slice(0, 2000));
}

/** The version that a program tells with `--version`; undefined where there is no such program. */
export async function versionOf(program: string): Promise<string | undefined> {
  const said = await run(program, ["--version"], { cwd: "/" });
  return said.ok
    ? said.value
        .toString()
        .trim()
        .split("\n")[0]
        ?.replace(/^(v|git version )/, "")
    : undefined;
}

/** The first Node in `PATH` that is of another version than this one. */
export async function otherNode(): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const program of new Set(folders.map((folder) => join(folder, "node")))) {
    if (!isExecutable(program)) continue;
    const version = await versionOf(program);
    if (version !== undefined && version !== process.versions.node) return program;
  }
  return undefined;
}

/** In one line: for reasons. */
export function told({ program, exit, cause }: ProgramFailed): string {
  const [line = ""] = cause.split("\n");
  return `${program} ${exit === undefined ? "did not run" : `ended with ${exit}`}: ${line}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
