/** A disk of one life: some of its operations fail as they are told to, and a place that it cannot read. */
import { fail } from "#runtime/errors.ts";
import type { DiskOperation, MemoryDisk } from "#runtime/simulated/disk.ts";

/** Of the operations named, `count` of them fail from the one with the number `from` on, the next one being 1. */
export interface Fault {
  readonly operations: ReadonlySet<DiskOperation>;
  readonly from: number;
  readonly count: number;
  readonly errno: string;
}

export interface BadPlace {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

export const ALL_OPERATIONS: ReadonlySet<DiskOperation> = new Set([
  "open",
  "close",
  "read",
  "write",
  "sync",
  "truncate",
  "sizeBytes",
  "list",
  "makeDirectory",
  "remove",
  "removeTree",
  "syncDirectory",
  "space",
]);

export class FaultyDisk {
  readonly disk: MemoryDisk;
  readonly #paths = new Map<unknown, unknown>();
  #fault: Fault | undefined;
  #seen = 0;
  #failedCount = 0;
  badPlace: BadPlace | undefined;

  constructor(disk: MemoryDisk) {
    this.disk = new Proxy(disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        if (!isOperation(name)) return member.bind(target);
        return async (...asked: unknown[]) => {
          if (name === "read" && this.#isBad(asked)) return fail({ code: "disk.broken", path: "", errno: "EIO" });
          const errno = this.#next(name);
          // A descriptor is gone also where closing it fails.
          if (errno !== undefined && name !== "close") target.failNext(name, errno);
          const outcome = await Reflect.apply(member, target, asked);
          if (name === "open" && outcome.ok) this.#paths.set(outcome.value, asked[0]);
          return errno !== undefined && name === "close" ? fail({ code: "disk.broken", path: "", errno }) : outcome;
        };
      },
    });
  }

  /** Operations that failed. */
  get failedCount(): number {
    return this.#failedCount;
  }

  arm(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#seen = 0;
  }

  /** Why the operation that comes now fails; undefined if it does not. */
  #next(name: DiskOperation): string | undefined {
    const fault = this.#fault;
    if (fault === undefined || !fault.operations.has(name)) return undefined;
    this.#seen += 1;
    if (this.#seen < fault.from || this.#seen >= fault.from + fault.count) return undefined;
    this.#failedCount += 1;
    return fault.errno;
  }

  #isBad([descriptor, into, position]: readonly unknown[]): boolean {
    const bad = this.badPlace;
    if (bad === undefined || this.#paths.get(descriptor) !== bad.path) return false;
    if (!(into instanceof Uint8Array) || typeof position !== "number") return false;
    return position < bad.to && bad.from < position + into.length;
  }
}

function isOperation(name: PropertyKey): name is DiskOperation {
  return (ALL_OPERATIONS as ReadonlySet<PropertyKey>).has(name);
}
