/** Bugs that are planted in how a node lives with its disk: see `chaos/plants.ts`. */
import type { PlantedBug } from "#chaos/plants.ts";
import { wired, withEnv } from "#chaos/simulated/rewired.ts";
import { ok } from "#runtime/errors.ts";
import type { Cpu } from "#runtime/pool/cpu.ts";

export const DISK_BUGS: readonly PlantedBug[] = [
  {
    name: "unverified-read",
    says: "what was once verified is held to be the same from then on, by how it begins and ends",
    scenario: "bytes-decay",
    seenBy: "bytes-are-right",
    into: (catalogue) => {
      const seen = new Map<string, Uint8Array>();
      const trusting = ["storage", "overlay"];
      return trusting.reduce(
        (changed, actor) =>
          wired(changed, actor, (wiring) => withEnv(wiring, ({ cpu }) => ({ cpu: trusts(cpu, seen) }))),
        catalogue,
      );
    },
  },
  {
    name: "short-is-whole",
    says: "a write to a pack that took only a part is taken for a whole one",
    scenario: "writes-are-cut-short",
    seenBy: "ready-again",
    into: (catalogue) => {
      const packs = new Set<number>();
      return wired(catalogue, "storage", (wiring) =>
        withEnv(wiring, ({ disk }) => ({
          disk: {
            ...disk,
            open: async (path, mode) => {
              const opened = await disk.open(path, mode);
              if (opened.ok && path.endsWith(".pack")) packs.add(opened.value);
              return opened;
            },
            write: async (descriptor, ...asked) => {
              const written = await disk.write(descriptor, ...asked);
              return packs.has(descriptor) ? ok() : written;
            },
          },
        })),
      );
    },
  },
  {
    name: "ack-before-durable",
    says: "what is on its way to the disk is acknowledged before it is there",
    scenario: "data-cell-killed-at-every-fsync",
    seenBy: "nothing-acknowledged-is-lost",
    into: (catalogue) =>
      wired(catalogue, "storage", (wiring) =>
        withEnv(wiring, ({ disk, clock }) => ({
          disk: {
            ...disk,
            sync: async (descriptor) => {
              clock.after(LATE_MS, () => void disk.sync(descriptor));
              return ok();
            },
          },
        })),
      ),
  },
];

/** After the acknowledgement. */
const LATE_MS = 300;
/** By which bytes are known, at either end. */
const SEEN_BYTES = 32;

/** Digests only what it has not seen before. */
function trusts(cpu: Cpu, seen: Map<string, Uint8Array>): Cpu {
  const digestOf = (bytes: Uint8Array): Uint8Array => {
    const ends = [bytes.subarray(0, SEEN_BYTES), bytes.subarray(-SEEN_BYTES)];
    const looks = `${bytes.length} ${ends.map((end) => Buffer.from(end).toString("hex")).join(" ")}`;
    const known = seen.get(looks) ?? cpu.digest(bytes);
    seen.set(looks, known);
    return known.slice();
  };
  return {
    ...cpu,
    digest: digestOf,
    hasher: () => {
      const pieces: Uint8Array[] = [];
      return {
        update: (bytes) => void pieces.push(bytes.slice()),
        digest: () => digestOf(Buffer.concat(pieces)),
      };
    },
  };
}
