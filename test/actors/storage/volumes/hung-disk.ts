/** A disk of which some directories are on volumes that hang: what is asked of them is done when they thaw, and not before. */
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

/** What a file system that was frozen does not hold up. */
const READS: ReadonlySet<string> = new Set(["list", "read", "readFile", "sizeBytes", "space"]);

export class HungDisk {
  readonly disk: MemoryDisk;
  /** What has begun on hung volumes, as `operation path`. */
  readonly hanging: string[] = [];
  readonly #paths = new Map<unknown, string>();
  readonly #hung = new Map<string, { readonly thawed: PromiseWithResolvers<void>; readonly reads: boolean }>();

  constructor(disk: MemoryDisk) {
    this.disk = new Proxy(disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...asked: unknown[]) => {
          const path = asked.map((one) => (typeof one === "number" ? this.#paths.get(one) : one)).find(isPath);
          const isRead = READS.has(String(name)) || (name === "open" && asked[1] === "read");
          const thawed = name === "watch" || name === "close" ? undefined : this.#thawed(path, isRead);
          const begin = (): unknown => this.#opened(name, path, Reflect.apply(member, target, asked));
          if (thawed === undefined) return begin();
          this.hanging.push(`${String(name)} ${path}`);
          return thawed.then(begin);
        };
      },
    });
  }

  /** Until it thaws; with `reads` it answers nothing at all. */
  hang(volume: string, { reads = false }: { readonly reads?: boolean } = {}): void {
    this.#hung.set(volume, { thawed: Promise.withResolvers(), reads });
  }

  thaw(volume: string): void {
    this.#hung.get(volume)?.thawed.resolve();
    this.#hung.delete(volume);
  }

  #opened(name: string | symbol, path: string | undefined, outcome: unknown): unknown {
    if (name !== "open" || !(outcome instanceof Promise)) return outcome;
    return outcome.then((opened) => {
      if (opened.ok && path !== undefined) this.#paths.set(opened.value, path);
      return opened;
    });
  }

  #thawed(path: string | undefined, isRead: boolean): Promise<void> | undefined {
    for (const [volume, { thawed, reads }] of this.#hung) {
      if (path?.startsWith(`${volume}/`) && (reads || !isRead)) return thawed.promise;
    }
    return undefined;
  }
}

function isPath(asked: unknown): asked is string {
  return typeof asked === "string" && asked.startsWith("/");
}
