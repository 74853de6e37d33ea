/**
 * Bugs that are planted on purpose: each is a node that is wrong in one way, and the check that has to see it. A checker that
 * lets its bug pass shows nothing when it lets a run pass.
 *
 * What an actor works with can be wrong, in a simulation, or its code can be, in any executor.
 */
import type { CheckName } from "#chaos/checks.ts";
import { DISK_BUGS } from "#chaos/disk/planted.ts";
import { EVENT_BUGS } from "#chaos/event-plants.ts";
import type { ExecutorName } from "#chaos/outcome.ts";
import { PIECE_BUGS } from "#chaos/piece-plants.ts";
import type { Patch } from "#chaos/real/patched.ts";
import { REMOVAL_BUGS } from "#chaos/removal-plants.ts";
import { type AnyResult, wired, withEnv, withRef } from "#chaos/simulated/rewired.ts";
import { SUPERVISION_BUGS } from "#chaos/supervision-plants.ts";
import type { NodeStatus } from "#runtime/actor-module.ts";
import { ok } from "#runtime/errors.ts";
import { hour, minute, second } from "#runtime/units.ts";
import type { LoadedCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

interface Planted {
  readonly name: string;
  /** As a sentence about the node. */
  readonly says: string;
  /** A scenario that brings it to light. */
  readonly scenario: string;
  readonly seenBy: CheckName;
}

/** An actor of a simulated node is wired otherwise: what it works with is wrong. */
export interface RewiredBug extends Planted {
  readonly into: (catalogue: LoadedCatalogue) => LoadedCatalogue;
}

/** Its code is another, whatever runs it. */
export interface PatchedBug extends Planted {
  readonly patch: Patch;
  /** Where it is looked for; a simulation unless it is said. */
  readonly executor?: ExecutorName;
}

export type PlantedBug = RewiredBug | PatchedBug;

/** What the gateway is told while overlay is down. */
const UNAVAILABLE: AnyResult = {
  ok: false,
  failure: { code: "overlay.unavailable", cause: "runtime.actor-stopped", executed: "no" },
};

export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...DISK_BUGS,
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
    name: "ack-before-sync",
    says: "small objects are acknowledged before they are durable",
    scenario: "power-fails",
    seenBy: "nothing-acknowledged-is-lost",
    patch: {
      file: "actors/storage/puts/group-commit.ts",
      from: "const synced = written.ok ? await pool.disk.sync(pack.descriptor) : written;",
      to: "const synced = written;",
    },
  },
  {
    name: "leak-descriptor",
    says: "each request leaves a descriptor open",
    scenario: "storage-crashes-while-putting",
    seenBy: "nothing-is-left",
    patch: {
      file: "runtime/real/edge/exchange.ts",
      from: "response = await service.handle(this.#request());",
      to: 'process.getBuiltinModule("node:fs").openSync("/dev/null", "r"); response = await service.handle(this.#request());',
    },
    executor: "process",
  },
  {
    name: "leak-queue",
    says: "a request that is over keeps its place",
    scenario: "storage-crashes-while-putting",
    seenBy: "served-while-nothing-is-wrong",
    patch: { file: "actors/gateway/admission.ts", from: "permit.release();", to: "" },
  },
  {
    name: "lost-wakeup",
    says: "an actor is not woken for the outcome of a task, ten times in a hundred turns",
    scenario: "storage-crashes-while-putting",
    seenBy: "served-while-nothing-is-wrong",
    patch: {
      file: "runtime/actor.ts",
      from: "if (this.#mailbox.control({ incarnation, what, run, message })) this.ready();",
      to: 'if (this.#mailbox.control({ incarnation, what, run, message })) void ((what === "settle" && this.#turnCount % 100 > 89) || this.ready());',
    },
  },
  {
    name: "never-restarted",
    says: "a cell that has crashed twice is left down",
    scenario: "cells-are-killed",
    seenBy: "everything-runs-again",
    patch: {
      file: "supervisor/supervisor.ts",
      from: "if (entry.window.exceededBy(nowMs) || entry.onProbation) {",
      to: "if (entry.window.exceededBy(nowMs) || entry.onProbation || entry.lives > 1) {",
    },
  },
  {
    name: "always-ready",
    says: "/readyz does not hear of an actor that is down",
    scenario: "restart-storm-to-quarantine",
    seenBy: "readyz-says-what-is",
    into: (catalogue) =>
      wired(catalogue, "gateway", (wiring) =>
        withEnv(wiring, ({ node }) => ({
          node: {
            ...node,
            status: () => {
              const status = node.status();
              return { ...status, actors: status.actors.map((actor) => ({ ...actor, state: "running" })) };
            },
          },
        })),
      ),
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
  {
    name: "falls-asleep",
    says: "when nobody has asked for anything for two seconds, nobody is served for a minute",
    scenario: "clients-are-cut-off",
    seenBy: "clients-are-served-again",
    into: (catalogue) => {
      let askedMs = Number.POSITIVE_INFINITY;
      let sleepsUntilMs = 0;
      return wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", async (name, request, proceed) => {
          const nowMs = wiring.env.clock.nowMs();
          if (nowMs - askedMs > 2 * second) sleepsUntilMs = nowMs + 1 * minute;
          askedMs = nowMs;
          return nowMs < sleepsUntilMs ? UNAVAILABLE : await proceed(name, request);
        }),
      );
    },
  },
  {
    name: "upload-blocks-all",
    says: "while the body of an upload has not come for a second, nobody is served",
    scenario: "clients-are-cut-off",
    seenBy: "served-while-nothing-is-wrong",
    into: (catalogue) => {
      const uploads = new Map<object, number>();
      return wired(catalogue, "gateway", (wiring) =>
        withRef(wiring, "overlay", async (name, request, proceed) => {
          const nowMs = wiring.env.clock.nowMs();
          if ([...uploads.values()].some((sinceMs) => nowMs - sinceMs > 1 * second)) return UNAVAILABLE;
          if (name !== "put") return await proceed(name, request);
          const upload = {};
          uploads.set(upload, nowMs);
          const answer = await proceed(name, request);
          uploads.delete(upload);
          return answer;
        }),
      );
    },
  },
  ...REMOVAL_BUGS,
  ...SUPERVISION_BUGS,
  ...EVENT_BUGS,
  ...PIECE_BUGS,
];

export function plantedBug(name: string): PlantedBug | undefined {
  return PLANTED_BUGS.find((bug) => bug.name === name);
}
