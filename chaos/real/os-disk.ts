/** The disk of a node in a world of the system: a file system in memory, or where a plan cuts the power one that loses what was not synced. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { MiB } from "#runtime/units.ts";
import { CutDisk } from "#test/kit/cut-disk.ts";

/** Of either. */
const DISK_BYTES: number = 1024 * MiB;

export class OsDisk {
  /** Where it is mounted, while its power is on. */
  readonly directory: string;
  readonly #cut: CutDisk | undefined;

  private constructor(directory: string, cut: CutDisk | undefined) {
    this.directory = directory;
    this.#cut = cut;
  }

  static async make(folder: string, canCut: boolean): Promise<OsDisk> {
    if (canCut) {
      const cut = await CutDisk.make({ sizeBytes: DISK_BYTES });
      return new OsDisk(cut.directory, cut);
    }
    const directory = join(folder, "disk");
    mkdirSync(directory);
    mustRun("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", directory);
    return new OsDisk(directory, undefined);
  }

  get canCut(): boolean {
    return this.#cut !== undefined;
  }

  async powerOn(): Promise<void> {
    await this.#cut?.powerOn();
  }

  async cutPower(): Promise<void> {
    await this.#cut?.cutPower();
  }

  /** Cuts it as well. Whether something was being made durable, of which a part is there now. */
  async tear(): Promise<boolean> {
    return (await this.#cut?.tear()) ?? false;
  }

  async discard(): Promise<void> {
    await this.#cut?.[Symbol.asyncDispose]();
  }
}

function mustRun(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
}
