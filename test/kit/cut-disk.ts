/** A disk whose power can be cut, of which only what was synced is there again afterwards: see `cut-disk.sh`. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { MiB } from "#runtime/units.ts";
import { provide } from "#test/kit/provide.ts";

const SCRIPT = join(import.meta.dirname, "cut-disk.sh");
/** By the Debian packages that have them. */
const NEEDED = { nbdkit: "nbdkit", nbdfuse: "libnbd-bin", "mkfs.ext4": "e2fsprogs", mount: "mount" } as const;
const DEVICES = ["/dev/fuse", "/dev/loop-control"] as const;
/** Where nothing waits for the machine's own disk: its power is not cut. */
const MEMORY = "/dev/shm";
/** What is written to a disk, twice. */
const MEMORY_BYTES_MIN = 512 * MiB;
/** The bit of CAP_SYS_ADMIN among capabilities. */
const MAY_MOUNT = 21n;

/** Why there can be none on this machine; `undefined` where there can. */
export async function provideCutDisk(): Promise<string | undefined> {
  const [, capabilities = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  if (((BigInt(`0x${capabilities}`) >> MAY_MOUNT) & 1n) === 0n) return "only root may mount a disk whose power is cut";
  const device = DEVICES.find((path) => !existsSync(path));
  return device === undefined ? await provide(NEEDED) : `there is no ${device} on this machine`;
}

function hasMemory(): boolean {
  if (!existsSync(MEMORY)) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= MEMORY_BYTES_MIN;
}

export interface CutDiskOptions {
  /** What it holds at first; nothing, unless it is given. */
  readonly image?: string | undefined;
  /** Of a disk that holds nothing. Default 256 MiB. */
  readonly sizeBytes?: number;
}

export class CutDisk implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  private constructor(folder: string, { image, sizeBytes = 256 * MiB }: CutDiskOptions) {
    this.#folder = folder;
    // In a group of its own: it cleans up behind whoever is interrupted.
    this.#process = spawn("sh", [SCRIPT, folder, `${sizeBytes}`, ...(image === undefined ? [] : [image])], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Its power is off. */
  static async make(options: CutDiskOptions = {}): Promise<CutDisk> {
    return new CutDisk(await mkdtemp(join(hasMemory() ? MEMORY : tmpdir(), "cepa-cut-disk-")), options);
  }

  /** Where it is mounted while its power is on. */
  get directory(): string {
    return join(this.#folder, "mount");
  }

  /** What a power cut leaves. Not to be looked at while the power is on. */
  get image(): string {
    return join(this.#folder, "image");
  }

  async powerOn(): Promise<void> {
    await this.#tell("on");
  }

  async cutPower(): Promise<void> {
    await this.#tell("cut");
  }

  /** In the middle of what it makes durable, of which the beginning is there then. Answers false where nothing came for ten seconds. */
  async tear(): Promise<boolean> {
    return (await this.#ask("tear")) === "tear";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#process, "close");
    this.#process.stdin.end();
    await closed;
  }

  async #tell(order: string): Promise<void> {
    assert.equal(await this.#ask(order), order);
  }

  async #ask(order: string): Promise<string | undefined> {
    this.#process.stdin.write(`${order}\n`);
    const { value } = await this.#answers.next();
    return value;
  }
}
