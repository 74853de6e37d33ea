/** Bugs that are planted in how a node removes, restores and gives up, and in what it says of its room: see `chaos/plants.ts`. */
import type { PlantedBug } from "#chaos/plants.ts";
import { wired, withEnv, withRef } from "#chaos/simulated/rewired.ts";
import { ok } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

const LATE_MS: number = second / 2;

export const REMOVAL_BUGS: readonly PlantedBug[] = [
  {
    name: "removes-nothing",
    says: "a removal is answered, and does nothing",
    scenario: "storage-crashes-while-putting",
    seenBy: "objects-are-linearizable",
    into: (catalogue) =>
      wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", async (name, request, proceed) =>
          name === "remove"
            ? { ok: true, value: { address: undefined, restorableUntilMs: 0 } }
            : proceed(name, request),
        ),
      ),
  },
  {
    name: "forgets-removals",
    says: "what is removed or held is made durable long after it was answered",
    scenario: "data-cell-killed-at-every-fsync",
    seenBy: "objects-are-linearizable",
    into: (catalogue) => {
      const journals = new Set<number>();
      return wired(catalogue, "storage", (wiring) =>
        withEnv(wiring, ({ disk, clock }) => ({
          disk: {
            ...disk,
            open: async (path, mode) => {
              const opened = await disk.open(path, mode);
              if (opened.ok && path.includes("/keeps/")) journals.add(opened.value);
              return opened;
            },
            sync: async (descriptor) => {
              if (!journals.has(descriptor)) return await disk.sync(descriptor);
              clock.after(LATE_MS, () => void disk.sync(descriptor));
              return ok();
            },
            close: async (descriptor) => {
              journals.delete(descriptor);
              return await disk.close(descriptor);
            },
          },
        })),
      );
    },
  },
  {
    name: "collects-what-is-held",
    says: "who holds an object that was put for a time holds nothing",
    scenario: "storage-crashes-while-putting",
    seenBy: "objects-are-linearizable",
    patch: {
      file: "actors/storage/keeps/keep.ts",
      from: 'if (pinnedUntilMs > nowMs) return "kept";',
      to: "",
    },
  },
  {
    name: "gives-up-what-is-shared",
    says: "collections take what an object has with others for its own",
    scenario: "storage-crashes-while-putting",
    seenBy: "refusals-may-be-tried-again",
    patch: {
      file: "actors/storage/collection/mark-walk.ts",
      from: 'if (linkKind === "chunk") this.#mark("chunk", digest);',
      to: 'if (linkKind === "chunk") { if (links.length > 3) continue; this.#mark("chunk", digest); }',
    },
  },
  {
    name: "always-room",
    says: "/readyz does not know that the disk is full",
    scenario: "disk-full-and-back",
    seenBy: "readyz-says-what-is",
    patch: {
      file: "actors/gateway/write-gate.ts",
      from: "if (reason !== undefined) this.#full = { reason, sinceMs: this.#clock.nowMs() };",
      to: "",
    },
  },
];
