/**
 * Where Chromium is. A missing one is installed as the launcher installs things, or its absence is told.
 *
 * The words are those of `cepa`, so that somebody who knows its messages knows these.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"] as const;

/** Where Chromium is, or the reason why these tests cannot run here, with the line that changes it. */
export type Chromium = { readonly command: string } | { readonly missing: string };

/** Installs Chromium only as root on Debian and Ubuntu, and never with `CEPA_PROVISION=never`. */
export async function provideChromium(): Promise<Chromium> {
  const found = findChromium();
  if (found !== undefined) return { command: found };
  const missing = "the command chromium is missing. Run: sudo apt-get install -y --no-install-recommends chromium";
  const forbidden = process.env["CEPA_PROVISION"] === "never";
  if (forbidden || process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return absent(missing);

  say("installing the system package chromium, which has the command chromium ...");
  const quiet = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120"];
  const log = [
    await runAptGet(["-q", "update"]),
    await runAptGet([...quiet, "install", "--no-install-recommends", "chromium"]),
  ].join("");
  const installed = findChromium();
  if (installed !== undefined) return { command: installed };
  process.stderr.write(log);
  return absent(`apt-get could not install chromium; ${missing}`);
}

function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function absent(missing: string): Chromium {
  say(missing);
  return { missing };
}

function say(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}

async function runAptGet(args: readonly string[]): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const child = spawn("apt-get", args, { env, stdio: ["ignore", "pipe", "pipe"] });
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
