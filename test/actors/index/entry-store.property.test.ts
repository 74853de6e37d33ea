/**
 * The store of entries against a map, over random records, crashes and refusals, also of what is written later all the
 * same: everything recorded is found until a crash, and after it everything that the checkpoint covers.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Digest } from "#actors/domain/address.ts";
import type { ResolvedEntry } from "#actors/index/protocol.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { entryOf, startIndex } from "#test/actors/index/start-index.ts";

type Step =
  | { readonly kind: "put" | "feed"; readonly number: number; readonly manifest: number; readonly isTransient: boolean }
  | { readonly kind: "forget"; readonly number: number }
  | { readonly kind: "refuse" | "accept" | "settle" | "crash" };

const NUMBER_MAX = 10;
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom("put", "feed"),
        number: fc.integer({ min: 0, max: NUMBER_MAX }),
        manifest: fc.integer({ min: 0, max: 3 }),
        isTransient: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("forget" as const), number: fc.integer({ min: 0, max: NUMBER_MAX }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom("refuse", "accept", "settle", "crash") }),
    },
  ),
  { maxLength: 40, size: "max" },
);

const within = { timeoutMs: 1000 };

describe("index: what is found", () => {
  it("is all that was recorded, and after a power cut all that the checkpoint covers (IDX-2, IDX-3, IDX-18)", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), fc.boolean(), async (script: readonly Step[], seed, isLate) => {
        const random = seededRandom(seed);
        let index = await startIndex({ config: { pendingEntriesMax: 1000 } });
        let life = "";
        let known = new Map<number, ResolvedEntry>();
        /** What was known when each checkpoint was given. */
        let covered: Map<number, ResolvedEntry>[] = [];
        let fed = 0;
        const begin = async (): Promise<void> => {
          const start = await index.ref.call("readCheckpoint", {}, within);
          assert(start.ok);
          life = start.value.life;
          fed = start.value.cursor === undefined ? 0 : Number(start.value.cursor);
          known = new Map(covered[fed - 1] ?? []);
          covered = covered.slice(0, fed);
        };
        await begin();

        for (const step of script) {
          index.control.isLate = isLate;
          if (step.kind === "refuse") index.control.refusal = "full";
          if (step.kind === "accept") index.control.refusal = undefined;
          if (step.kind === "settle") await index.clock.settle();
          if (step.kind === "put" || step.kind === "feed") {
            const { isTransient } = step;
            const { address, sizeBytes } = entryOf(step.number, known.size + 1);
            const { manifest } = entryOf(step.manifest);
            const lasting: Digest | undefined = isTransient ? known.get(step.number)?.lasting : manifest;
            const entry = { address, manifest, sizeBytes, isTransient };
            known.set(step.number, { address, manifest, sizeBytes, lasting });
            if (step.kind === "feed") {
              covered.push(new Map(known));
              fed += 1;
            }
            const checkpoint = step.kind === "feed" ? { cursor: String(fed), life } : undefined;
            const recorded = await index.ref.call("record", { entries: [entry], checkpoint }, within);
            assert(recorded.ok);
          }
          if (step.kind === "crash") {
            index.stores.crash(random);
            index = await startIndex({ config: { pendingEntriesMax: 1000 }, stores: index.stores });
            await begin();
          }
          if (step.kind === "forget") {
            const { address } = entryOf(step.number);
            assert((await index.ref.call("forget", { address }, within)).ok);
            known.delete(step.number);
            // Whether it was written, and so is not found after a crash though a checkpoint covers it, is open.
            for (const entries of covered) entries.delete(step.number);
            assert(!(await index.ref.call("resolve", { address }, within)).ok);
          }
          for (let number = 0; number <= NUMBER_MAX; number += 1) {
            const { address } = entryOf(number);
            const resolved = await index.ref.call("resolve", { address }, within);
            const entry = known.get(number);
            if (step.kind !== "crash") assert.deepEqual(resolved.ok ? resolved.value : undefined, entry);
            else assert(resolved.ok || entry === undefined, "what the checkpoint covers is known");
            // What no checkpoint covers may be there, too.
            if (resolved.ok) known.set(number, resolved.value);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
