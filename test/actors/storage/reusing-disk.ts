/** A disk that gives the number of a descriptor that was closed to the next file that is opened, as systems do. */
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

/** The system's own are below. */
const FIRST = 3;

interface OpenFile {
  readonly own: number;
  readonly path: string;
}

export class ReusingDisk {
  readonly disk: MemoryDisk;
  readonly #open = new Map<number, OpenFile>();

  constructor(disk: MemoryDisk) {
    this.disk = new Proxy(disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...given: unknown[]) => {
          if (name === "open") return this.#opened(Reflect.apply(member, target, given), String(given[0]));
          const [descriptor, ...rest] = given;
          if (typeof descriptor !== "number") return Reflect.apply(member, target, given);
          const own = this.#open.get(descriptor)?.own ?? Number.NaN;
          if (name === "close") this.#open.delete(descriptor);
          return Reflect.apply(member, target, [own, ...rest]);
        };
      },
    });
  }

  /** Of the file that has the number now. */
  pathOf(descriptor: number): string | undefined {
    return this.#open.get(descriptor)?.path;
  }

  async #opened(opening: ReturnType<MemoryDisk["open"]>, path: string): ReturnType<MemoryDisk["open"]> {
    const opened = await opening;
    if (!opened.ok) return opened;
    let value = FIRST;
    while (this.#open.has(value)) value += 1;
    this.#open.set(value, { own: opened.value, path });
    return { ok: true, value };
  }
}
