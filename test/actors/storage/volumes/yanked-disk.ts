/** A disk of which some directories are on volumes that can be yanked: then all that is asked of what they hold fails. */
import { fail } from "#runtime/errors.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

export class YankedDisk {
  readonly disk: MemoryDisk;
  /** Volumes that answer nothing. */
  readonly dead: Set<string> = new Set();
  readonly #paths = new Map<unknown, string>();

  constructor(disk: MemoryDisk) {
    this.disk = new Proxy(disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...asked: unknown[]) => {
          const path = asked.map((one) => (typeof one === "number" ? this.#paths.get(one) : one)).find(isPath);
          // A descriptor is let go of by the process, whatever became of the disk. A watch says nothing any more.
          if (path !== undefined && this.#isDead(path) && name !== "close" && name !== "watch") {
            return Promise.resolve(fail({ code: "disk.broken", path, errno: "EIO" }));
          }
          const outcome: unknown = Reflect.apply(member, target, asked);
          if (name !== "open" || !(outcome instanceof Promise)) return outcome;
          return outcome.then((opened) => {
            if (opened.ok && path !== undefined) this.#paths.set(opened.value, path);
            return opened;
          });
        };
      },
    });
  }

  #isDead(path: string): boolean {
    for (const volume of this.dead) if (path === volume || path.startsWith(`${volume}/`)) return true;
    return false;
  }
}

function isPath(asked: unknown): asked is string {
  return typeof asked === "string" && asked.startsWith("/");
}
