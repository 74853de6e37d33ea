/**
 * A real node for end-to-end tests: the real process tree, on a data directory and a port of its own.
 *
 * A test takes one with `startNode` and gives it back with `stop` (or `dispose`, which also proves that no process of
 * its tree is left). Nothing here knows how the node works inside: it speaks HTTP, the admin socket and signals.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const projectRoot = resolve(import.meta.dirname, "../..");

export type Profile = "tree" | "edge" | "single";

export interface NodeOptions {
  readonly profile?: Profile;
  /** Reused from an earlier node; else a new one. */
  readonly dataDirectory?: string;
  readonly args?: readonly string[];
  /** Contents of the configuration file. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of Node on the root's entry: something that comes to run it. */
  readonly command?: readonly [string, ...string[]];
  /** Given the root as soon as there is one, long before it is ready. */
  readonly onLaunch?: (root: ChildProcess) => void;
}

export interface ReadyLine {
  readonly event: "ready";
  readonly http: string;
  readonly pid: number;
  readonly cells: Readonly<Record<string, number>>;
  /** In amnesia mode: where it is in memory. */
  readonly amnesia?: string;
  /** With the cell `work`: the URLs of its servers. */
  readonly postgres?: string;
  readonly redis?: string;
}

export interface ActorRow {
  readonly name: string;
  readonly cell: string;
  readonly state: string;
  readonly incarnation: number;
  readonly restarts: number;
  /** Why it is not well. */
  readonly reason?: string;
}

export interface PartRow {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
}

export interface StatusRow {
  readonly cells: readonly PartRow[];
  readonly servers: readonly PartRow[];
  readonly actors: readonly ActorRow[];
}

export class TestNode {
  readonly dataDirectory: string;
  readonly process: ChildProcess;
  readonly ready: ReadyLine;
  /** Every JSON line of the root so far. */
  readonly events: Readonly<Record<string, unknown>>[];

  constructor(
    dataDirectory: string,
    process: ChildProcess,
    ready: ReadyLine,
    events: Readonly<Record<string, unknown>>[],
  ) {
    this.dataDirectory = dataDirectory;
    this.process = process;
    this.ready = ready;
    this.events = events;
  }

  get url(): string {
    return this.ready.http;
  }

  /** Where everything of it is: the data directory, or what stands in for it in memory. */
  get home(): string {
    return this.ready.amnesia ?? this.dataDirectory;
  }

  /** One request to the admin socket. */
  async admin(
    command: "status" | "logs" | "kill" | "resume" | "down",
    target?: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Record<string, unknown>> {
    const node = JSON.parse(readFileSync(join(this.home, "node.json"), "utf8")) as { admin: string };
    const socket = connect(node.admin);
    await once(socket, "connect");
    socket.write(`${JSON.stringify({ id: 1, command, ...(target === undefined ? {} : { target }), ...more })}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = JSON.parse(line) as Record<string, unknown>;
      if (answer["ok"] === undefined) continue; // Progress of a drain.
      socket.destroy();
      return answer;
    }
    throw new assert.AssertionError({ message: "the admin socket closed without an answer" });
  }

  async status(): Promise<StatusRow> {
    return (await this.admin("status"))["status"] as StatusRow;
  }

  async actor(name: string): Promise<ActorRow> {
    const found = (await this.status()).actors.find((actor) => actor.name === name);
    assert(found !== undefined, `there is an actor ${name}`);
    return found;
  }

  async cellPid(name: string): Promise<number> {
    const found = (await this.status()).cells.find((cell) => cell.name === name);
    assert(found !== undefined, `there is a cell ${name}`);
    return found.pid;
  }

  /** Takes a write, or the test fails after `withinMs`. `/readyz` may lag behind the root by a status interval. */
  async becomesReady(withinMs = 15_000): Promise<void> {
    await eventually(withinMs, "the node is ready", async () => {
      const ready = await fetch(`${this.url}/readyz`);
      const put = await fetch(`${this.url}/put`, { method: "PUT", body: "is it ready?" });
      return ready.status === 200 && put.ok;
    });
  }

  /** SIGKILLs a cell's process and waits until another one has taken its place and the node is ready again. */
  async killCell(name: string): Promise<void> {
    const killed = await this.cellPid(name);
    process.kill(killed, "SIGKILL");
    await eventually(15_000, `cell ${name} lives again`, async () => {
      const cell = (await this.status()).cells.find((row) => row.name === name);
      return cell !== undefined && cell.pid !== killed && cell.state === "running";
    });
    await this.becomesReady();
  }

  /** SIGTERM, as `down` does; answers with the exit code. */
  async stop(): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    this.process.kill("SIGTERM");
    await once(this.process, "exit");
    return this.process.exitCode;
  }

  /** Every process whose environment or arguments name this data directory, the root among them. */
  livingPids(): readonly number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => belongsTo(pid, this.dataDirectory) || belongsTo(pid, this.home));
  }

  /** SIGKILLs every process of the node, and waits until they hold nothing any more. */
  async killAll(): Promise<void> {
    const pids = this.livingPids();
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await eventually(3000, "no process is left", () => this.livingPids().length === 0 && pids.every(holdsNothing));
  }

  async dispose(): Promise<void> {
    await this.stop();
    await eventually(3000, "no process of the node is left", () => this.livingPids().length === 0);
    rmSync(this.dataDirectory, { recursive: true, force: true });
  }
}

/** A process counts when its command line or its working set names the directory; zombies do not. */
function belongsTo(pid: number, directory: string): boolean {
  if (pid === process.pid) return false;
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return false;
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    return commandLine.includes(directory) || environment.includes(directory);
  } catch {
    return false; // It has gone meanwhile.
  }
}

/** A killed process is a zombie as soon as its first thread has ended; the others hold its files and its memory on. */
function holdsNothing(pid: number): boolean {
  try {
    return /^State:\s+Z.*^Threads:\s+1$/ms.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

export function temporaryDataDirectory(): string {
  return mkdtempSync(join(tmpdir(), "cepa-e2e-"));
}

/** Starts the root as the launcher does and waits for the ready line; 30 s is a failure with the output so far. */
export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const dataDirectory = options.dataDirectory ?? temporaryDataDirectory();
  const child = launchRoot(dataDirectory, options);
  const events: Record<string, unknown>[] = [];
  let output = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  const ready = await new Promise<ReadyLine>((found, failed) => {
    const timer = setTimeout(() => {
      child.kill();
      failed(new assert.AssertionError({ message: `not ready in 30 s: ${output}` }));
    }, 30_000);
    assert(child.stdout !== null);
    createInterface({ input: child.stdout }).on("line", (line) => {
      output += `${line}\n`;
      const event = JSON.parse(line) as Record<string, unknown>;
      events.push(event);
      if (event["event"] === "ready") {
        clearTimeout(timer);
        found(event as unknown as ReadyLine);
      }
    });
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      failed(
        new assert.AssertionError({ message: `the root ended (${code ?? signal}) before it was ready: ${output}` }),
      );
    });
  });
  return new TestNode(dataDirectory, child, ready, events);
}

/** The bare process, for tests of what happens before ready. */
export function launchRoot(dataDirectory: string, options: NodeOptions = {}): ChildProcess {
  const args = ["--data", dataDirectory, "--http", "127.0.0.1:0", "--json"];
  if (options.profile !== undefined) args.push("--profile", options.profile);
  const [program, ...first] = options.command ?? [process.execPath, join(projectRoot, "supervisor/main.ts")];
  const root = spawn(program, [...first, ...args, ...(options.args ?? [])], {
    cwd: tmpdir(),
    // A cell is handed what begins with CEPA_, and nothing else that says whose it is: see `livingPids`.
    env: { ...process.env, CEPA_TEST_NODE: dataDirectory, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  options.onLaunch?.(root);
  return root;
}

/** Waits on the real world, which has no manual clock; a condition that throws counts as not yet. */
export async function eventually(
  withinMs: number,
  expectation: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const startMs = performance.now();
  let last: unknown;
  for (;;) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    const waitedMs = performance.now() - startMs;
    assert(waitedMs < withinMs, `${expectation} within ${withinMs} ms${last === undefined ? "" : `: ${String(last)}`}`);
    await sleep(25);
  }
}
