/** The process of `putting-host.ts`, from outside. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Digest, parseDigest } from "#actors/domain/address.ts";

const script = join(import.meta.dirname, "putting-host.ts");

export class PuttingProcess {
  readonly #child: ChildProcess;
  /** What it said was acknowledged: seed to manifest. */
  readonly acknowledged: Map<number, Digest> = new Map();
  /** It holds the store. */
  readonly opened: Promise<void>;
  readonly #read: Promise<void>;
  #errors = "";

  /** It loads its modules at once, and opens the store when it is told to. */
  constructor(directory: string, firstSeed: number) {
    const child = spawn(process.execPath, [script, directory, String(firstSeed)], { stdio: ["pipe", "pipe", "pipe"] });
    const { stdout } = child;
    assert(stdout !== null);
    this.#child = child;
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#errors += bytes.toString();
    });
    const lines = createInterface({ input: stdout });
    this.opened = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        if (line === "open") resolve();
        else this.#note(line);
      });
      child.once("exit", () => reject(new assert.AssertionError({ message: `it ended by itself: ${this.#errors}` })));
    });
    this.opened.catch(() => undefined);
    this.#read = once(lines, "close").then(() => undefined);
  }

  begin(): Promise<void> {
    this.#child.stdin?.write("begin\n");
    return this.opened;
  }

  /** SIGKILL. Settles when it is gone and all that it said has been read. */
  async kill(): Promise<void> {
    assert(this.#isAlive, `it lives until it is killed: ${this.#errors}`);
    await this.end();
  }

  /** As `kill`, for whoever does not care whether it still lived. */
  async end(): Promise<void> {
    const exited = this.#isAlive ? once(this.#child, "exit") : undefined;
    this.#child.kill("SIGKILL");
    await Promise.all([exited, this.#read]);
  }

  get #isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #note(line: string): void {
    // A line that the kill cut off in the middle says nothing.
    const [, seed, digest = ""] = /^ack (\d+) ([0-9a-f]{64})$/.exec(line) ?? [];
    const manifest = parseDigest(digest);
    if (manifest !== undefined) this.acknowledged.set(Number(seed), manifest);
  }
}
