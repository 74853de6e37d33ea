/** Random scripts of children that come and go, against a list of who has to be there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { minute, second } from "#runtime/units.ts";
import type { RestartType } from "#supervisor/child-spec.ts";
import { FakeChild, type Stage, stage } from "#test/supervisor/kit.ts";

const NAMES = ["x", "y", "z"];
const name = fc.constantFrom(...NAMES);

type Step =
  | { readonly do: "add"; readonly name: string; readonly restart: RestartType; readonly start: "up" | "fail" | "hang" }
  | { readonly do: "crash" | "end" | "kill" | "hold" | "resume" | "remove" | "unhang"; readonly name: string }
  | { readonly do: "advance"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      name,
      restart: fc.constantFrom("permanent" as const, "transient" as const, "temporary" as const),
      start: fc.constantFrom("up" as const, "up" as const, "fail" as const, "hang" as const),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constantFrom(...(["crash", "end", "kill", "hold", "resume", "remove", "unhang"] as const)),
      name,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(0, 0, 400, 61_000) }) },
);

interface Member {
  readonly child: FakeChild;
  readonly restart: RestartType;
  isHeld: boolean;
  isRemoved: boolean;
}

class Scene {
  readonly on: Stage<"one-for-one"> = stage({ rungs: [["a"]], intensityMax: 10_000 });
  /** Every child there ever was. */
  readonly all: FakeChild[] = [];
  /** Who has the name now, as far as the script says. */
  readonly members = new Map<string, Member>();

  async play(next: Step): Promise<void> {
    if (next.do === "advance") return this.on.clock.advance(next.ms);
    if (next.do === "add") return this.#add(next.name, next.restart, next.start);
    const member = this.members.get(next.name);
    const { supervisor } = this.on;
    switch (next.do) {
      case "crash":
        member?.child.exit();
        break;
      case "end":
        member?.child.exit({ kind: "normal" });
        break;
      case "kill":
        supervisor.kill(next.name);
        break;
      case "unhang":
        member?.child.hanging.shift()?.();
        break;
      case "hold":
        if (supervisor.hold(next.name).ok && member !== undefined) member.isHeld = true;
        break;
      case "resume":
        if (supervisor.resume(next.name).ok && member !== undefined) member.isHeld = false;
        break;
      case "remove": {
        if (member !== undefined) member.isRemoved = true;
        const removed = await supervisor.remove(next.name);
        assert.equal(removed.ok, member !== undefined && this.on.states()[next.name] === undefined);
        break;
      }
    }
  }

  /** Who is not there any more has come to an end that its restart type takes for one. */
  check(): void {
    const states = this.on.states();
    for (const child of this.all) assert(child.aliveMax <= 1, "one life at a time");
    for (const [known, { child, restart, isHeld, isRemoved }] of this.members) {
      if (states[known] !== undefined) continue;
      assert.equal(child.alive, 0, `${known} is forgotten`);
      assert(isRemoved || (restart !== "permanent" && !isHeld), `${known} had no right to go`);
      this.members.delete(known);
    }
    assert.deepEqual(new Set(Object.keys(states)), new Set(["a", ...this.members.keys()]));
  }

  async #add(named: string, restart: RestartType, start: "up" | "fail" | "hang"): Promise<void> {
    const child = new FakeChild(named, this.on.trace);
    child.startPlan.push(start);
    const spec = { name: named, restart, budget: { restartsMax: 1, periodMs: 1 * minute }, shutdownMs: 1 * second };
    const added = this.on.supervisor.add(spec, child);
    assert.equal(added.ok, !this.members.has(named), `${named} may be added when nobody has its name`);
    if (!added.ok) return;
    this.all.push(child);
    this.members.set(named, { child, restart, isHeld: false, isRemoved: false });
    await this.on.clock.settle();
  }
}

describe("supervisor: any script of dynamic children", () => {
  it("knows exactly those who are there, keeps one life each, brings back whom it must, and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (script) => {
        const scene = new Scene();
        const { on } = scene;
        await on.supervisor.start();
        for (const next of script) {
          await scene.play(next);
          await on.clock.settle();
          scene.check();
        }

        // Longer than every back-off and every probe.
        for (const child of scene.all) {
          for (const unhang of child.hanging.splice(0)) unhang();
          child.startPlan.length = 0;
        }
        await on.clock.advance(40 * minute);
        scene.check();
        for (const [known, { restart, isHeld, child }] of scene.members) {
          assert.equal(on.states()[known], isHeld ? "stopped" : "running", `${known}, ${restart}`);
          assert.equal(child.alive, isHeld ? 0 : 1);
        }

        const closed = on.supervisor.shutdown(10 * second);
        await on.clock.advance(10 * second);
        await closed;
        for (const child of scene.all) assert.equal(child.alive, 0);
        assert.equal(on.clock.armedCount, 0);
      }),
      { numRuns: 100 },
    );
  });
});
