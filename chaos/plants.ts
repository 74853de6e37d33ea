/**
 * Bugs that are planted on purpose: each is a node that is wrong in one way, and the check that has to see it. A checker that
 * lets its bug pass shows nothing when it lets a run pass.
 *
 * In a simulation an actor is wired otherwise: the code of the node is what it is.
 */
import type { CheckName } from "#chaos/checks.ts";
import { EVENT_BUGS } from "#chaos/event-plants.ts";
import { type AnyResult, wired, withEnv, withRef } from "#chaos/simulated/rewired.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import { ok } from "#runtime/errors.ts";
import { hour } from "#runtime/units.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

export interface PlantedBug {
  readonly name: string;
  /** As a sentence about the node. */
  readonly says: string;
  /** A scenario that brings it to light. */
  readonly scenario: string;
  readonly seenBy: CheckName;
  readonly into: (catalogue: LoadedCatalogue) => LoadedCatalogue;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "no-fsync",
    says: "what is acknowledged was never made durable",
    scenario: "power-fails",
    seenBy: "nothing-acknowledged-is-lost",
    into: (catalogue) =>
      wired(catalogue, "storage", (wiring) =>
        withEnv(wiring, ({ disk }) => ({ disk: { ...disk, sync: async () => ok() } })),
      ),
  },
  {
    name: "wrong-range",
    says: "a range is answered with bytes from another place",
    scenario: "storage-crashes-while-putting",
    seenBy: "bytes-are-right",
    into: (catalogue) =>
      wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", (name, request, proceed) => {
          const range = Reflect.get(request, "range") as { readonly first?: number } | undefined;
          const isAsked = name === "get" && range?.first !== undefined;
          return proceed(name, isAsked ? { ...request, range: { ...range, first: 0 } } : request);
        }),
      ),
  },
  {
    name: "stale-read",
    says: "a name is resolved to what it led to before",
    scenario: "storage-crashes-while-putting",
    seenBy: "names-are-linearizable",
    into: (catalogue) => {
      const seen = new Map<string, AnyResult[]>();
      let count = 0;
      return wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", async (name, request, proceed) => {
          const answer = await proceed(name, request);
          if (name !== "getName" || !answer.ok) return answer;
          const label = JSON.stringify(request["name"]);
          const before = seen.get(label) ?? [];
          seen.set(label, [...before, answer]);
          count += 1;
          return count % 5 === 0 ? (before.at(-3) ?? answer) : answer;
        }),
      );
    },
  },
  {
    name: "leak-timer",
    says: "each request leaves a timer behind that outlives its cell",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-is-left",
    into: (catalogue) =>
      wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", (name, request, proceed) => {
          wiring.env.clock.after(24 * hour, () => undefined);
          return proceed(name, request);
        }),
      ),
  },
  {
    name: "leak-file",
    says: "some files that were opened are never closed",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-is-left",
    into: (catalogue) =>
      wired(catalogue, "storage", (wiring) =>
        withEnv(wiring, ({ disk }) => ({
          disk: { ...disk, close: async (descriptor) => (descriptor % 7 === 0 ? ok() : await disk.close(descriptor)) },
        })),
      ),
  },
  {
    name: "moody",
    says: "one request in fifty is not understood",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-acknowledged-is-lost",
    into: (catalogue) => {
      let count = 0;
      return wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", (name, request, proceed) => {
          count += 1;
          return proceed(name, count % 50 === 0 ? { ...request, address: "b3:none" } : request);
        }),
      );
    },
  },
  {
    name: "never-ready-again",
    says: "once a part was down, the node says for ever that it is",
    scenario: "actors-crash",
    seenBy: "ready-again",
    into: (catalogue) => {
      let down: NodeStatus | undefined;
      return wired(catalogue, "gateway", (wiring) =>
        withEnv(wiring, ({ node }) => ({
          node: {
            ...node,
            status: () => {
              const status = node.status();
              if (status.actors.some(({ state }) => state !== "running")) down ??= status;
              return down ?? status;
            },
          },
        })),
      );
    },
  },
  ...EVENT_BUGS,
];

export function plantedBug(name: string): PlantedBug | undefined {
  return PLANTED_BUGS.find((bug) => bug.name === name);
}
