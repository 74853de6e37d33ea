/**
 * The descriptors of the simulated disk, and the files that live only through them.
 *
 * Descriptors are never used twice, so a late use of a closed one is always seen.
 */
import type { MemoryFile } from "#runtime/simulated/memory-file.ts";
import type { Entry } from "#runtime/simulated/memory-names.ts";

export interface OpenFile {
  readonly path: string;
  readonly file: MemoryFile;
  readonly writable: boolean;
}

export class MemoryDescriptors {
  readonly #open = new Map<number, OpenFile>();
  readonly #unnamed = new Set<MemoryFile>();
  #next = 3;

  get count(): number {
    return this.#open.size;
  }

  /** Files without a name that are still open: their bytes are on the disk too. */
  get unnamed(): Iterable<MemoryFile> {
    return this.#unnamed;
  }

  at(descriptor: number): OpenFile | undefined {
    return this.#open.get(descriptor);
  }

  /** To name a file in a failure, whether it is open or not. */
  pathOf(descriptor: number): string {
    return this.#open.get(descriptor)?.path ?? `descriptor ${descriptor}`;
  }

  add(open: OpenFile): number {
    const descriptor = this.#next;
    this.#next += 1;
    this.#open.set(descriptor, open);
    return descriptor;
  }

  /** Whether it was open. */
  remove(descriptor: number): boolean {
    const open = this.#open.get(descriptor);
    if (open === undefined) return false;
    this.#open.delete(descriptor);
    if (!this.#holds(open.file)) this.#unnamed.delete(open.file);
    return true;
  }

  /** The entry's name is about to go. */
  losesName(entry: Entry | undefined): void {
    if (entry !== undefined && entry !== "directory" && this.#holds(entry)) this.#unnamed.add(entry);
  }

  clear(): void {
    this.#open.clear();
    this.#unnamed.clear();
  }

  #holds(file: MemoryFile): boolean {
    return [...this.#open.values()].some((open) => open.file === file);
  }
}
