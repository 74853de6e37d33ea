/**
 * How much a put may add: what the disk has room for, and what the operator allows the store to hold.
 *
 * Of what is allowed, puts get nine tenths. The last one is for those who make room: a collection copies before it removes.
 * Bytes of puts under way count from the moment that they are admitted, until the catalog counts them or they are given up.
 */
import type { Catalog } from "#actors/storage/catalog.ts";
import type { StorageConfig } from "#actors/storage/config.ts";
import type { LimitReached, StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import { fail, type Result } from "#runtime/errors.ts";

/** Of `storedBytesMax` and `packsMax`, in percent, what puts may use. */
export const PUTS_PERCENT_MAX = 90;

export interface WriteLimitDeps {
  readonly catalog: Pick<Catalog, "packBytes" | "packs">;
  readonly space: Space;
  readonly config: () => Pick<StorageConfig, "storedBytesMax" | "packsMax">;
}

export class WriteLimit {
  readonly #deps: WriteLimitDeps;
  #underWayBytes = 0;

  constructor(deps: WriteLimitDeps) {
    this.#deps = deps;
  }

  /** For one put; to be ended once, however the put ends. */
  begin(): AdmittedPut {
    let ownBytes = 0;
    return {
      admit: async (sizeBytes) => {
        const reached = this.reachedBy(sizeBytes);
        if (reached !== undefined) return fail(reached);
        // Before the disk is asked: others ask meanwhile.
        ownBytes += sizeBytes;
        this.#underWayBytes += sizeBytes;
        return await this.#deps.space.admit(sizeBytes);
      },
      end: () => {
        this.#underWayBytes -= ownBytes;
        ownBytes = 0;
      },
    };
  }

  /** What `sizeBytes` more would run into; undefined where there is room for them. */
  reachedBy(sizeBytes: number): LimitReached | undefined {
    const { catalog, config } = this.#deps;
    const { storedBytesMax, packsMax } = config();
    const usedBytes = catalog.packBytes + this.#underWayBytes;
    const packCount = catalog.packs.size;
    const hasBytes = storedBytesMax === 0 || (usedBytes + sizeBytes) * 100 <= storedBytesMax * PUTS_PERCENT_MAX;
    const hasPacks = packCount * 100 <= packsMax * PUTS_PERCENT_MAX;
    if (hasBytes && hasPacks) return undefined;
    return { code: "storage.limit-reached", usedBytes, storedBytesMax, packCount, packsMax };
  }
}

/** What one put may add. */
export interface AdmittedPut {
  /** `sizeBytes` more. What was admitted counts until `end`. */
  admit(sizeBytes: number): Promise<Result<void, LimitReached | StorageFull | WriteFailed>>;
  end(): void;
}
