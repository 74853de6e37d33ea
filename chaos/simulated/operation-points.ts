/** Points of a run at which its process ends: right before the nth operation of one kind, by whichever life it is begun. */
import type { DiskOperation } from "#runtime/simulated/disk.ts";
import type { Life } from "#runtime/simulated/life.ts";

/** One that is armed. */
export interface Point {
  /** Settles when it was met: the life has ended by then. */
  readonly met: Promise<void>;
  readonly isMet: boolean;
  disarm(): void;
}

interface Armed {
  readonly operation: DiskOperation;
  left: number;
  readonly onMet: () => void;
}

export class OperationPoints {
  readonly #armed = new Set<Armed>();

  /** Counts from now on, the first is 1. */
  arm(operation: DiskOperation, number: number): Point {
    const { promise: met, resolve } = Promise.withResolvers<void>();
    const armed: Armed = { operation, left: number, onMet: resolve };
    this.#armed.add(armed);
    return {
      met,
      get isMet() {
        return armed.left === 0;
      },
      disarm: () => this.#armed.delete(armed),
    };
  }

  /** The life is about to begin this. */
  meets(operation: DiskOperation, life: Life): void {
    for (const armed of this.#armed) {
      if (armed.operation !== operation) continue;
      armed.left -= 1;
      if (armed.left > 0) continue;
      this.#armed.delete(armed);
      life.end();
      armed.onMet();
    }
  }
}
