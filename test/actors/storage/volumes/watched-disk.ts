/** A disk whose every operation is known by the path that it is about, also where it is asked by a descriptor. */
import type { MemoryDisk } from "#runtime/simulated/disk.ts";

export interface Asked {
  readonly name: string;
  readonly path: string;
  /** Neither makes nor changes anything. */
  readonly isRead: boolean;
  /** Of the file, where it reads from one that is open. */
  readonly range: { readonly from: number; readonly end: number } | undefined;
  /** What it writes to one that is open. */
  readonly parts: readonly Uint8Array[];
}

const READS: ReadonlySet<string> = new Set(["list", "read", "readFile", "sizeBytes", "space"]);

/**
 * `answer` says what becomes of each operation on a path. It is not asked about a descriptor that is let go of, which the
 * process does whatever became of the disk, nor about a watch.
 */
export function watchedDisk(
  disk: MemoryDisk,
  answer: (asked: Asked, begin: () => Promise<unknown>) => Promise<unknown>,
): MemoryDisk {
  const paths = new Map<unknown, string>();
  return new Proxy(disk, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        const path = given.map((one) => (typeof one === "number" ? paths.get(one) : one)).find(isPath);
        const apply = (): unknown => Reflect.apply(member, target, given);
        if (path === undefined || name === "close" || name === "watch") return apply();
        const begin = async (): Promise<unknown> => {
          const outcome = await apply();
          if (name === "open" && isOpened(outcome)) paths.set(outcome.value, path);
          return outcome;
        };
        const isRead = READS.has(String(name)) || (name === "open" && given[1] === "read");
        const [, into, from] = given;
        const isRange = name === "read" && into instanceof Uint8Array;
        const range = isRange ? { from: Number(from), end: Number(from) + into.length } : undefined;
        const parts = name === "write" && Array.isArray(into) ? into : [];
        return answer({ name: String(name), path, isRead, range, parts }, begin);
      };
    },
  });
}

function isPath(given: unknown): given is string {
  return typeof given === "string" && given.startsWith("/");
}

function isOpened(outcome: unknown): outcome is { readonly value: unknown } {
  return typeof outcome === "object" && outcome !== null && "value" in outcome;
}
