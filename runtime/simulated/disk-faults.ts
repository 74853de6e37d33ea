/** What the operations of a simulated disk are about to meet, each once, in the order in which it was armed. */
import type { DiskOperation } from "#runtime/simulated/disk.ts";
import { sectorBytes } from "#runtime/simulated/memory-file.ts";

/** An operation that fails. */
export interface DiskFault {
  readonly operation: DiskOperation;
  /** The system's name of the failure. */
  readonly errno: string;
  readonly onMet: () => void;
}

/** A write that takes only a part. */
export interface WriteCut extends Pick<DiskFault, "errno" | "onMet"> {
  /** Bytes that it takes of so many. */
  readonly keeps: (sizeBytes: number) => number;
}

/** What becomes of one write: at most one of both. */
export interface SpoiltWrite {
  readonly cut?: WriteCut | undefined;
  readonly onTorn?: (() => void) | undefined;
}

export class DiskFaults {
  readonly #faults: DiskFault[] = [];
  readonly #cuts: WriteCut[] = [];
  #onTorn: (() => void) | undefined;

  get count(): number {
    return this.#faults.length;
  }

  add(fault: DiskFault): void {
    this.#faults.push(fault);
  }

  addCut(cut: WriteCut): void {
    this.#cuts.push(cut);
  }

  /** Undefined: no write is torn. */
  setTear(onTorn: (() => void) | undefined): void {
    this.#onTorn = onTorn;
  }

  forget(operation: DiskOperation): void {
    const others = this.#faults.filter((fault) => fault.operation !== operation);
    this.#faults.splice(0, this.#faults.length, ...others);
  }

  forgetCuts(): void {
    this.#cuts.length = 0;
  }

  clear(): void {
    this.#faults.length = 0;
    this.#cuts.length = 0;
    this.#onTorn = undefined;
  }

  /** What this operation meets. */
  take(operation: DiskOperation): DiskFault | undefined {
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    return index < 0 ? undefined : this.#faults.splice(index, 1)[0];
  }

  /** Of one byte there is no part, and what is within a sector is written whole. Undefined: the write is as it should be. */
  takeForWrite(position: number, sizeBytes: number): SpoiltWrite | undefined {
    const cut = sizeBytes > 1 ? this.#cuts.shift() : undefined;
    if (cut !== undefined) return { cut };
    const sectorOf = (at: number): number => Math.floor(at / sectorBytes);
    const onTorn = sectorOf(position) < sectorOf(position + sizeBytes - 1) ? this.#onTorn : undefined;
    if (onTorn === undefined) return undefined;
    this.#onTorn = undefined;
    return { onTorn };
  }
}
