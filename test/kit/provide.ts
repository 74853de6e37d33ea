/**
 * Commands that tests need. What is missing is installed as the launcher installs things, or its absence is told: then these
 * tests cannot run here, and say so.
 *
 * The words are those of `cepa`, so that somebody who knows its messages knows these.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Files of tests run side by side, and only one of them can install. */
const LOCK = join(tmpdir(), "cepa-provide.lock");

/**
 * Commands by the Debian packages that have them. Answers with the reason why one is missing, and with the line that changes
 * it. Installs only as root on Debian and Ubuntu, and never with `CEPA_PROVISION=never`.
 */
export async function provide(packages: Readonly<Record<string, string>>): Promise<string | undefined> {
  for (const [command, names] of Object.entries(packages)) {
    const missing = isThere(command) ? undefined : await install(command, names);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/** Of a compiler for C. */
export async function provideCompiler(): Promise<string | undefined> {
  return await provide({ cc: "gcc libc6-dev" });
}

/** Of spin, which writes its checkers in C. */
export async function provideSpin(): Promise<string | undefined> {
  return await provide({ spin: "spin", cc: "gcc libc6-dev" });
}

export async function provideStrace(): Promise<string | undefined> {
  return await provide({ strace: "strace" });
}

export async function provideSshKeygen(): Promise<string | undefined> {
  return await provide({ "ssh-keygen": "openssh-client" });
}

/** In `PATH`, and executable. */
export function find(command: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isThere(command: string): boolean {
  return find(command) !== undefined;
}

async function install(command: string, names: string): Promise<string | undefined> {
  const missing = `the command ${command} is missing. Run: sudo apt-get install -y --no-install-recommends ${names}`;
  const forbidden = process.env["CEPA_PROVISION"] === "never";
  if (forbidden || process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return told(missing);

  say(`installing the system package ${names}, which has the command ${command} ...`);
  const log = await run("flock", [LOCK, "sh", "-c", INSTALL, "sh", ...names.split(" ")]);
  if (isThere(command)) return undefined;
  process.stderr.write(log);
  return told(`apt-get could not install ${names}; ${missing}`);
}

const INSTALL = 'apt-get -q update && apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function told(missing: string): string {
  say(missing);
  return missing;
}

function say(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      log += bytes.toString();
    });
  }
  child.on("error", (error) => {
    log += `${error.message}\n`;
  });
  await new Promise<void>((closed) => child.once("close", () => closed()));
  return log;
}
