/** restic as a peer: Debian's package, unpacked into the cache and never installed. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { unpackDebian } from "#bench/debian.ts";
import { TemporaryFolder } from "#bench/temporary.ts";
import { isRecord, parseJson } from "#client/wire.ts";

/** `off` shows what is found twice and nothing else; `auto` is what restic does by itself. */
export type Compression = "off" | "auto";

export interface Restic {
  /** A fresh repository, which is removed with what it holds. */
  open(compression: Compression): Promise<ResticRepository>;
}

/** Undefined when it cannot be had, or is too old to be told not to compress. */
export function prepareRestic(cache: string, say: (line: string) => void): Restic | undefined {
  const found =
    findBinary(cache) ?? (unpackDebian("restic", join(cache, "restic"), say) ? findBinary(cache) : undefined);
  if (found === undefined || !knowsCompression(found)) {
    say(`restic will be absent: it ${found === undefined ? "cannot be had" : "is older than 0.14"}`);
    return undefined;
  }
  return { open: (compression) => ResticRepository.create(found, cache, compression) };
}

function findBinary(cache: string): string | undefined {
  const candidates = ["/usr/bin/restic", join(cache, "restic/usr/bin/restic")];
  return candidates.find((path) => existsSync(path));
}

function knowsCompression(binary: string): boolean {
  return spawnSync(binary, ["--compression", "off", "version"], { stdio: "ignore" }).status === 0;
}

/** Every call is a process of its own, which opens the repository first: that is how restic is used. */
export class ResticRepository implements Disposable {
  readonly #binary: string;
  readonly #folder: TemporaryFolder;
  readonly #options: readonly string[];

  private constructor(binary: string, folder: TemporaryFolder, compression: Compression) {
    this.#binary = binary;
    this.#folder = folder;
    this.#options = ["--repo", folder.path, "--no-cache", "--compression", compression];
  }

  static async create(binary: string, cache: string, compression: Compression): Promise<ResticRepository> {
    const repository = new ResticRepository(binary, new TemporaryFolder(cache, "restic-run-"), compression);
    await repository.#run("init");
    return repository;
  }

  async backup(path: string): Promise<void> {
    await this.#run("backup", path);
  }

  /** A file of the last backup. It throws where not all of it came. */
  async dump(path: string, onPiece: (piece: Uint8Array) => void): Promise<void> {
    const child = spawn(this.#binary, [...this.#options, "dump", "latest", path], {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.on("data", onPiece);
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`restic dump ended with ${code}`);
  }

  /** Reads everything, and compares it with what it should be. */
  async check(): Promise<void> {
    await this.#run("check", "--read-data");
  }

  /** What the blobs of all snapshots take. */
  async storedBytes(): Promise<number> {
    const said = parseJson(await this.#run("stats", "--mode", "raw-data", "--json"));
    if (isRecord(said) && typeof said["total_size"] === "number") return said["total_size"];
    throw new Error("restic does not say how much it stores");
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  async #run(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(this.#binary, [...this.#options, ...args], { env: ENVIRONMENT });
    return stdout;
  }
}

const ENVIRONMENT = { ...process.env, RESTIC_PASSWORD: "bench" };
