/** The pack that a writer of batches has: leased for its first batch, and given back when it is full, or when somebody asks. */
import type { OpenPack, PackPool } from "#actors/storage/packs/pack-pool.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

export class PackInHand {
  readonly #pool: PackPool;
  readonly #isOver: () => boolean;
  #pack: OpenPack | undefined;

  /** Once `isOver`, no batch gets a pack: nothing is written after the end, neither to a new one nor to this one. */
  constructor(pool: PackPool, isOver: () => boolean) {
    this.#pool = pool;
    this.#isOver = isOver;
  }

  /** For the next batch, which goes to another pack where somebody has cut this one. */
  async take(): Promise<Result<OpenPack, DiskFailure>> {
    if (this.#isOver()) return fail({ code: "disk.broken", path: "", errno: "ECANCELED" });
    const current = this.#pack;
    const isFit = current !== undefined && !this.#pool.isFull(current) && (await this.#pool.checkEnd(current)).ok;
    if (isFit) return ok(current);
    await this.giveBack();
    const leased = await this.#pool.leaseShared();
    if (leased.ok) this.#pack = leased.value;
    return leased;
  }

  /** To the pool; between two batches. */
  async giveBack(): Promise<void> {
    const pack = this.letGo();
    if (pack !== undefined) await this.#pool.release(pack);
  }

  /** Its batch failed: whoever had it taken sees to what becomes of it. */
  letGo(): OpenPack | undefined {
    const pack = this.#pack;
    this.#pack = undefined;
    return pack;
  }
}
