/**
 * How much a put may add: what the disk has room for, and what the operator allows the store to hold.
 *
 * Of what is allowed, puts get nine tenths. The last one is for those who make room, a collection copies before it removes, and
 * for repair.
 * Bytes of puts under way count from the moment that they are admitted, until the catalog counts them or they are given up.
 */
import type { Catalog } from "#actors/storage/catalog/catalog.ts";
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
  /** Bytes that packs take for each byte of a put. */
  readonly overhead: () => number;
}

export class WriteLimit {
  readonly #deps: WriteLimitDeps;
  #underWayBytes = 0;

  constructor(deps: WriteLimitDeps) {
    this.#deps = deps;
  }

  /** For one put; to be ended once, however the put ends. */
  begin(): AdmittedPut {
    let admittedBytes = 0;
    let countedBytes = 0;
    const ended = (bytes: number): void => {
      this.#underWayBytes -= bytes - countedBytes;
      countedBytes = bytes;
    };
    return {
      admit: async (sizeBytes) => {
        const reached = this.reachedBy(sizeBytes);
        if (reached !== undefined) return fail(reached);
        // Before the disk is asked: others ask meanwhile.
        admittedBytes += sizeBytes;
        this.#underWayBytes += sizeBytes;
        return await this.#deps.space.admit(sizeBytes);
      },
      counted: ended,
      end: () => ended(admittedBytes),
    };
  }

  /** What `sizeBytes` more would run into; undefined where there is room for them. */
  reachedBy(sizeBytes: number): LimitReached | undefined {
    const { catalog, config, overhead } = this.#deps;
    const { storedBytesMax, packsMax } = config();
    const usedBytes = this.#usedBytes;
    const packCount = catalog.packs.size;
    const wantedBytes = usedBytes + sizeBytes * overhead();
    const hasBytes = storedBytesMax === 0 || wantedBytes * 100 <= storedBytesMax * PUTS_PERCENT_MAX;
    const hasPacks = packCount * 100 <= packsMax * PUTS_PERCENT_MAX;
    if (hasBytes && hasPacks) return undefined;
    return { code: "storage.limit-reached", usedBytes, storedBytesMax, packCount, packsMax };
  }

  /** Whether repair may add `sizeBytes`, and as many packs: all that is allowed is there for it. */
  hasRoomFor(sizeBytes: number, packCount: number): boolean {
    const { catalog, config } = this.#deps;
    const { storedBytesMax, packsMax } = config();
    const hasBytes = storedBytesMax === 0 || this.#usedBytes + sizeBytes <= storedBytesMax;
    return hasBytes && catalog.packs.size + packCount <= packsMax;
  }

  /** With what puts are about to write. */
  get #usedBytes(): number {
    const { catalog, overhead } = this.#deps;
    return catalog.packBytes + Math.ceil(this.#underWayBytes * overhead());
  }
}

/** What one put may add. */
export interface AdmittedPut {
  /** `sizeBytes` more. What was admitted counts until `end`. */
  admit(sizeBytes: number): Promise<Result<void, LimitReached | StorageFull | WriteFailed>>;
  /** The first `bytes` of what was admitted, which only rise, are in the catalog by now, and count there. */
  counted(bytes: number): void;
  end(): void;
}
