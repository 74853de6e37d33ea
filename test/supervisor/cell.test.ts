/** A cell whose end comes while it begins: nothing of it goes on in a process that goes on (profile `single`). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ActorModule } from "#runtime/actor-module.ts";
import { ok } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SimulatedEdges } from "#runtime/simulated/edge.ts";
import { memoryKvStores } from "#runtime/simulated/kv.ts";
import type { ErasedModule } from "#supervisor/catalogue.ts";
import { Cell } from "#supervisor/cell/cell.ts";
import { noCpu } from "#supervisor/cell/no-cpu.ts";
import { realBase } from "#supervisor/cell/real-seams.ts";
import { cell, worker } from "#supervisor/child-spec.ts";
import { cellFacts, silent } from "#test/supervisor/kit.ts";

const STAGES = ["load", "cpu", "wire", "listen", "init"] as const;
type Stage = (typeof STAGES)[number];

const budget = { restartsMax: 5, periodMs: 1000 };
const settings = { budget, mailbox: { capacity: 8, overflow: "reject" }, laterMax: 4, shutdownMs: 1000 } as const;
const plan = { strategy: "one-for-one", intensity: budget } as const;
const tree = {
  ...plan,
  cells: [cell("data", { ...plan, budget, required: true }, [worker({ name: "gateway", ...settings })])],
};
const facts = cellFacts({ profile: "single" });

/** A cell whose beginning waits at `stage` until `open`. `trace` has what it got to. */
function beginning(stage: Stage): { readonly cell: Cell; readonly trace: string[]; readonly open: () => void } {
  const trace: string[] = [];
  const gate = Promise.withResolvers<void>();
  const reached = async (at: Stage): Promise<void> => {
    trace.push(at);
    if (at === stage) await gate.promise;
  };
  const actorModule: ActorModule<Record<never, never>, never, null, null, Record<never, never>> = {
    behavior: {
      name: "gateway",
      init: async (_deps, ctx) => {
        ctx.scope.add(() => void trace.push("scope"));
        await reached("init");
        return null;
      },
      handlers: {},
      terminate: () => void trace.push("terminate"),
    },
    configSchema: {},
    wire: async () => {
      await reached("wire");
      return null;
    },
  };
  const base = { ...realBase(), clock: new ManualClock() };
  const made = new Cell({
    tree,
    catalogue: {
      gateway: async () => {
        await reached("load");
        return actorModule as unknown as ErasedModule;
      },
    },
    seams: {
      base,
      kv: memoryKvStores(),
      edges: new SimulatedEdges(),
      exchanges: () => assert.fail("nobody is asked"),
      sql: () => assert.fail("nobody is asked"),
      redis: () => assert.fail("nobody is asked"),
      cpu: async () => {
        await reached("cpu");
        return noCpu;
      },
      log: () => ({ log: silent, close: () => undefined }),
      links: () => ({
        isConnected: () => undefined,
        ref: () => assert.fail("nobody is spoken to"),
        listen: async () => {
          await reached("listen");
          return ok();
        },
        close: async () => void trace.push("unlisten"),
      }),
    },
    buildId: () => "b",
    send: ({ kind }) => void trace.push(kind),
    onEnd: () => undefined,
  });
  return { cell: made, trace, open: () => gate.resolve() };
}

describe("cell: abort while it begins", () => {
  for (const stage of STAGES) {
    it(`goes no further than where it was (${stage})`, async () => {
      const { cell: aborted, trace, open } = beginning(stage);
      aborted.receive({ kind: "begin", facts });
      while (!trace.includes(stage)) await new Promise(setImmediate);

      const aborting = aborted.abort();
      open();
      await aborting;
      for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);

      const before = STAGES.slice(0, STAGES.indexOf(stage) + 1);
      assert.deepEqual(
        trace.filter((what) => STAGES.some((one) => one === what)),
        before,
      );
      const after = trace.slice(trace.indexOf(stage) + 1).filter((what) => what !== "status" && what !== "event");
      const expected: Partial<Record<Stage, readonly string[]>> = { listen: ["unlisten"], init: ["scope", "unlisten"] };
      assert.deepEqual(after, expected[stage] ?? (stage === "wire" ? ["unlisten"] : []));
    });
  }
});
