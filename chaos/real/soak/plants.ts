/** Nodes that leak: what a soak is there to see. */
import type { Patch } from "#chaos/real/patched.ts";

export interface Leak {
  readonly name: string;
  /** As a sentence about the node. */
  readonly says: string;
  readonly patch: Patch;
  /** The check that has to see it. */
  readonly seenBy: string;
}

const AT_REST = "as-much-at-rest-as-before";
const HEAPS = "heaps-do-not-grow";

export const LEAKS: readonly Leak[] = [
  {
    name: "leak-descriptor",
    says: "of every hundred puts one leaves a descriptor open",
    patch: {
      file: "actors/storage/actor.ts",
      from: `settled.maybe("put-durable");`,
      to: `settled.maybe("put-durable");
          globalThis.soaked = (globalThis.soaked ?? 0) + 1;
          if (globalThis.soaked % 100 === 0) process.getBuiltinModule("node:fs").openSync("/dev/null");`,
    },
    seenBy: AT_REST,
  },
  {
    name: "leak-memory",
    says: "of every event a kibibyte stays in the heap",
    patch: {
      file: "actors/ingest/writer.ts",
      from: `maybe("rows-written");`,
      to: `maybe("rows-written");
      (globalThis.soaked ??= []).push(...rows.map(() => new Array(128).fill(0.5)));`,
    },
    seenBy: HEAPS,
  },
];
