/**
 * The packages that are only compared with (`bench/peers/package.json`): installed beside that file when they are
 * missing, and absent where that cannot be done. Nothing of Cepa depends on them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { importHere } from "#bench/peers/import-here.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { minute } from "#runtime/units.ts";

const PEERS = join(import.meta.dirname, "peers");
/** Longest time that installing may take. */
const INSTALL_TIMEOUT_MS: number = 3 * minute;

/** Installs what is missing, unless `CEPA_PROVISION=never` forbids it. Says one line where it could not. */
export function installPeers(say: (line: string) => void): void {
  const missing = missingPeers();
  if (missing.length === 0) return;
  const npm = findNpm();
  const reason = npm === undefined ? "there is no npm" : "not installed";
  if (process.env["CEPA_PROVISION"] === "never" || npm === undefined) {
    say(`${missing.join(" and ")} will be absent: ${reason}`);
    return;
  }
  say(`installing ${missing.join(" and ")} to compare with ...`);
  try {
    // Under the Node that runs all of this: an older one resolves other packages.
    const args = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"];
    execFileSync(process.execPath, args, { cwd: PEERS, stdio: "ignore", timeout: INSTALL_TIMEOUT_MS });
  } catch {
    say(`${missing.join(" and ")} will be absent: npm ci failed in bench/peers`);
  }
}

/** Names in the manifest that are not installed at the version that it wants. */
function missingPeers(): readonly string[] {
  const { dependencies } = manifest(PEERS);
  if (!isRecord(dependencies)) return [];
  return Object.entries(dependencies)
    .filter(([name, wanted]) => manifest(peerFolder(name))["version"] !== versionIn(String(wanted)))
    .map(([name]) => name);
}

/** Where the package is, once it is installed. */
export function peerFolder(name: string): string {
  return join(PEERS, "node_modules", name);
}

/** `4.0.6`, also of what goes by another name here: `npm:effect@4.0.6`. */
export function versionIn(wanted: string): string {
  return wanted.startsWith("npm:") ? wanted.slice(wanted.lastIndexOf("@") + 1) : wanted;
}

function manifest(folder: string): Readonly<Record<string, unknown>> {
  const path = join(folder, "package.json");
  const read = existsSync(path) ? parseJson(readFileSync(path, "utf8")) : undefined;
  return isRecord(read) ? read : {};
}

/** The script behind the command `npm`, so that it can be given a Node. */
function findNpm(): string | undefined {
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "npm"))
    .find((path) => existsSync(path));
  if (found === undefined) return undefined;
  const script = realpathSync(found);
  return script.endsWith(".js") ? script : undefined;
}

/** A peer that is not there to compare with. */
export class AbsentPeer extends Error {
  override readonly name = "AbsentPeer";
}

/**
 * The module `name`, if it is installed. The type checker must do without it, so whoever asks says what it exports:
 * as little as an arm needs.
 */
export async function importPeer<Exports>(name: string): Promise<Exports> {
  try {
    return (await importHere(name)) as Exports;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new AbsentPeer(`${name} is not installed`);
  }
}
