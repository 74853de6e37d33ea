/** The bound of an exploration: what it plays, what it leaves out, and that it says so. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explore } from "#runtime/simulated/explore.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";

/** Scripts that only have steps. */
function scripts(play: Play, steps: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(steps)) {
    play.script(name, ...Array.from({ length: count }, () => () => undefined));
  }
}

describe("explore: preemptionsMax", () => {
  const STEPS = { a: 3, b: 2, c: 2 };

  async function traces(preemptionsMax?: number): Promise<{ readonly seen: ReadonlySet<string>; isComplete: boolean }> {
    const seen = new Set<string>();
    const { runs, isComplete } = await explore(
      async (play) => {
        scripts(play, STEPS);
        await play.interleave();
        assert.equal(play.preemptions, preemptionsIn(play.trace));
        seen.add(play.trace.join(""));
      },
      preemptionsMax === undefined ? {} : { preemptionsMax },
    );
    assert.equal(seen.size, runs, "each once");
    return { seen, isComplete };
  }

  /** Counted by hand: who comes after another one that has steps left. */
  function preemptionsIn(trace: readonly string[]): number {
    return trace.filter((name, at) => at > 0 && name !== trace[at - 1] && trace.indexOf(trace[at - 1] ?? "", at) > 0)
      .length;
  }

  for (const preemptionsMax of [0, 1, 2, 3, 4, 5]) {
    it(`plays those with at most ${preemptionsMax} of them, and says whether those are all (SIM-10)`, async () => {
      const all = [...(await traces()).seen];
      const { seen, isComplete } = await traces(preemptionsMax);

      assert.deepEqual([...seen].sort(), all.filter((trace) => preemptionsIn([...trace]) <= preemptionsMax).sort());
      assert.equal(isComplete, seen.size === all.length);
    });
  }

  it("finds what needs as many, and not what needs one more; `only` plays it again without the bound (SIM-10)", async () => {
    const lost = async (play: Play): Promise<void> => {
      let counter = 0;
      for (const name of ["a", "b"]) {
        let read = 0;
        const reads = (): void => {
          read = counter;
        };
        const writes = (): void => {
          counter = read + 1;
        };
        play.script(name, reads, writes);
      }
      await play.interleave();
      assert.equal(counter, 2, "no update is lost");
    };

    assert.deepEqual(await explore(lost, { preemptionsMax: 0 }), {
      runs: 2,
      cutOff: 0,
      slots: 8,
      slotsMax: 4,
      isComplete: false,
    });
    const failure: unknown = await explore(lost, { preemptionsMax: 1 }).catch((error: unknown) => error);
    assert(failure instanceof Error);
    const only = JSON.parse(/only: (\[[^\]]*\])/.exec(failure.message)?.[1] ?? "") as number[];
    await assert.rejects(explore(lost, { only }), { message: failure.message });
  });

  it("takes what the last slot has set going for its continuation", async () => {
    const { runs, isComplete } = await explore(
      async (play) => {
        // It goes on by events, one after another; the other one may come before, or after all of it.
        const goOn = (left: number): void => {
          if (left > 0) play.event("then", () => goOn(left - 1));
        };
        play.script("chain", () => goOn(5));
        play.script("other", () => undefined);
        await play.interleave();
        assert.equal(play.preemptions, 0);
      },
      { preemptionsMax: 0 },
    );

    assert.deepEqual({ runs, isComplete }, { runs: 2, isComplete: false });
  });

  it("passes over one who stands in line and has nothing to do", async () => {
    const { runs, isComplete } = await explore(
      async (play) => {
        const idle = { runSlot: () => 0 };
        play.script("a", () => play.enqueue(idle));
        scripts(play, { b: 1, c: 1 });
        await play.interleave();
      },
      { preemptionsMax: 0 },
    );

    assert.deepEqual({ runs, isComplete }, { runs: 6, isComplete: true });
  });
});
