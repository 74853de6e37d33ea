/**
 * Where the node is: by `--url` or `--data`, else by CEPA_URL or CEPA_DATA, else in the user's data directory.
 *
 * A running node keeps `node.json` in its data directory; one in amnesia mode keeps it in memory, in a directory that is
 * named after the one it stands in for. Admin commands go to the Unix socket named there, so they need the directory; the
 * others need a URL and are content with either.
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { errnoOf, type Outcome } from "#cli/failure.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { memoryHome, memoryPlaces } from "#runtime/config/memory-home.ts";
import { fail, ok } from "#runtime/errors.ts";

/** The two options that every client command takes. */
export interface NodeChoice {
  readonly data?: string | undefined;
  readonly url?: string | undefined;
}

/** What a running node says of itself in `node.json`. */
export interface NodeRecord {
  readonly directory: string;
  readonly pid: number;
  readonly url: string;
  readonly adminSocket: string;
  /** All of it is in memory, and gone when it ends. */
  readonly isAmnesic: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The same default as the node's: `cepa up` and `cepa put` without options meet. */
export function dataDirectory(choice: NodeChoice, env: Environment = process.env): string {
  const chosen = choice.data ?? nonEmpty(env["CEPA_DATA"]);
  if (chosen !== undefined) return resolve(chosen);
  return join(nonEmpty(env["XDG_DATA_HOME"]) ?? join(homedir(), ".local", "share"), "cepa");
}

/** The node that runs on the chosen data directory, or in memory in its stead. */
export function findNode(choice: NodeChoice, env: Environment = process.env): Outcome<NodeRecord> {
  const directory = dataDirectory(choice, env);
  const record = readRecord(directory);
  if (typeof record === "object" && exists(record.pid)) return ok(record);
  const inMemory = findInMemory(directory, env);
  if (inMemory !== undefined) return ok(inMemory);
  if (record === "not-allowed") {
    const message = `cannot look whether a node runs on ${directory}: it is another user's (EACCES)`;
    return fail({ code: "cli.not-allowed", message });
  }
  if (record === undefined) return notRunning(`no node runs on ${directory}: start one with ./cepa up`);
  return notRunning(`no node runs on ${directory} any more (it was process ${record.pid}): start it with ./cepa up`);
}

/** Of the user who runs the command only: in these places anybody could lay a record. */
function findInMemory(directory: string, env: Environment): NodeRecord | undefined {
  const userId = process.getuid?.() ?? 0;
  const facts = {
    dataDirectory: directory,
    runtimeDirectory: env["XDG_RUNTIME_DIR"],
    userId,
    digest: (text: string) => createHash("sha256").update(text).digest("hex"),
  };
  for (const place of memoryPlaces(facts)) {
    const home = memoryHome(place, facts);
    const record = ownerOf(home) === userId ? readRecord(home) : undefined;
    if (typeof record === "object" && exists(record.pid)) return record;
  }
  return undefined;
}

/** Undefined where nothing is, or nothing that can be looked at. */
function ownerOf(path: string): number | undefined {
  try {
    return lstatSync(path).uid;
  } catch {
    return undefined;
  }
}

/** What `kill -9` of the node's process would lose. */
export function lostByKill({ isAmnesic }: NodeRecord): string {
  return isAmnesic ? "loses all that it holds" : "loses nothing that was acknowledged";
}

/** Whether a URL was chosen rather than a directory; a directory on the command line beats CEPA_URL. */
export function namesUrl(choice: NodeChoice, env: Environment = process.env): boolean {
  return choice.url !== undefined || (choice.data === undefined && nonEmpty(env["CEPA_URL"]) !== undefined);
}

/** Base URL for HTTP, without a slash at its end. A URL that was given is taken as it is. */
export function findUrl(choice: NodeChoice, env: Environment = process.env): Outcome<string> {
  if (namesUrl(choice, env)) return parseUrl(choice.url ?? env["CEPA_URL"] ?? "");
  const node = findNode(choice, env);
  return node.ok ? ok(node.value.url) : node;
}

function parseUrl(given: string): Outcome<string> {
  if (URL.canParse(given) && /^https?:/.test(given)) return ok(given.replace(/\/+$/, ""));
  return fail({ code: "cli.bad-url", message: `not a URL of a node: ${given} (like http://127.0.0.1:7700)` });
}

/** Whether a process with this id is there. One that has ended, and that nobody has reaped, is not. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") return false;
  }
  return !hasEnded(pid);
}

/** Whether the node's process has the lock file of its directory open: another that got its number has not. */
export function holdsLock({ directory, pid }: NodeRecord): boolean {
  try {
    const lock = statSync(join(directory, "node.lock"));
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const facts = statSync(`/proc/${pid}/fd/${descriptor}`, { throwIfNoEntry: false });
      return facts?.ino === lock.ino && facts.dev === lock.dev;
    });
  } catch {
    return false;
  }
}

function hasEnded(pid: number): boolean {
  try {
    // The name before the state is in parentheses, and may have some itself.
    return /^ [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\)/s, ""));
  } catch {
    return false;
  }
}

function readRecord(directory: string): NodeRecord | "not-allowed" | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, "node.json"), "utf8");
  } catch (error) {
    return errnoOf(error) === "EACCES" ? "not-allowed" : undefined;
  }
  const said = parseJson(text);
  if (!isRecord(said)) return undefined;
  const { pid, http, admin, amnesia } = said;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof http !== "string" || typeof admin !== "string") return undefined;
  return { directory, pid, url: http.replace(/\/+$/, ""), adminSocket: admin, isAmnesic: amnesia === true };
}

function notRunning(message: string): Outcome<never> {
  return fail({ code: "cli.not-running", message });
}

/** An empty variable is as good as none, as XDG says. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
