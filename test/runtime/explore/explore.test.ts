/** The explorer itself: that it plays every interleaving, each once, and can play a failing one again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explore } from "#runtime/simulated/explore.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";

/** Scripts that only say their names: `{ a: 2, b: 1 }` takes two steps as a and one as b. */
function scripts(play: Play, steps: Readonly<Record<string, number>>, said: string[]): void {
  for (const [name, count] of Object.entries(steps)) {
    play.script(name, ...Array.from({ length: count }, () => () => void said.push(name)));
  }
}

describe("explore: scripts", () => {
  for (const { steps, runs } of [
    { steps: { a: 4 }, runs: 1 },
    { steps: { a: 1, b: 1 }, runs: 2 },
    { steps: { a: 1, b: 1, c: 1 }, runs: 6 },
    { steps: { a: 3, b: 3 }, runs: 20 },
    { steps: { a: 2, b: 2, c: 2 }, runs: 90 },
    { steps: { a: 3, b: 3, c: 2 }, runs: 560 },
  ]) {
    it(`plays each of the ${runs} interleavings of ${JSON.stringify(steps)} once`, async () => {
      const seen = new Set<string>();

      const explored = await explore(async (play) => {
        const said: string[] = [];
        scripts(play, steps, said);
        await play.interleave();
        assert.deepEqual(said, play.trace);
        seen.add(said.join(""));
      });

      const slotsMax = Object.values(steps).reduce((sum, count) => sum + count);
      assert.deepEqual(explored, { runs, cutOff: 0, slots: runs * slotsMax, slotsMax, isComplete: true });
      assert.equal(seen.size, runs);
    });
  }

  it("passes over a slot in which nothing happens", async () => {
    const explored = await explore(async (play) => {
      const said: string[] = [];
      scripts(play, { a: 2, b: 2 }, said);
      // One that stands in line and has nothing to do, as an actor does after its last message.
      play.enqueue({ runSlot: () => 0 });
      await play.interleave();
      assert.equal(said.length, 4);
    });

    assert.equal(explored.runs, 6);
  });

  it("takes no step before and after, only while interleaving", async () => {
    await explore(async (play) => {
      const said: string[] = [];
      play.enqueue({ runSlot: () => 0 });
      scripts(play, { a: 1 }, said);
      for (let turn = 0; turn < 10; turn += 1) await undefined;
      assert.deepEqual(said, []);
      await play.interleave();
      scripts(play, { b: 1 }, said);
      for (let turn = 0; turn < 10; turn += 1) await undefined;
      assert.deepEqual(said, ["a"]);
      await play.interleave();
      assert.deepEqual(said, ["a", "b"]);
    });
  });

  it("takes the next step of a script when the last one has settled", async () => {
    const orders = new Set<string>();
    await explore(async (play) => {
      const said: string[] = [];
      const gate = Promise.withResolvers<void>();
      play.script(
        "waits",
        () => gate.promise,
        () => void said.push("waits"),
      );
      play.script(
        "opens",
        () => void said.push("opens"),
        () => gate.resolve(),
      );
      await play.interleave();
      orders.add(said.join(" "));
    });

    assert.deepEqual([...orders], ["opens waits"]);
  });
});

describe("explore: a failure", () => {
  /** Two who read, then write one more: the lost update that only some interleavings show. */
  const lostUpdate = async (play: Play): Promise<void> => {
    let counter = 0;
    for (const name of ["a", "b"]) {
      let read = 0;
      play.script(
        name,
        () => {
          read = counter;
        },
        () => {
          counter = read + 1;
        },
      );
    }
    await play.interleave();
    assert.equal(counter, 2, "no update is lost");
  };

  it("is found, and names the interleaving that shows it", async () => {
    await assert.rejects(explore(lostUpdate), /no update is lost[\s\S]*in the interleaving a b b a\n {2}\{ only: \[/);
  });

  it("is played again from what it names", async () => {
    const failure: unknown = await explore(lostUpdate).catch((error: unknown) => error);
    assert(failure instanceof Error);
    const only = JSON.parse(/only: (\[[^\]]*\])/.exec(failure.message)?.[1] ?? "") as number[];

    await assert.rejects(explore(lostUpdate, { only }), { message: failure.message });
    const alone = { runs: 1, cutOff: 0, slots: 4, slotsMax: 4, isComplete: false };
    assert.deepEqual(await explore(lostUpdate, { only: [0, 0] }), alone);
  });

  it("of a step ends the run, also when it comes later", async () => {
    await assert.rejects(
      explore(async (play) => {
        play.script("late", async () => {
          await undefined;
          assert.fail("a late one");
        });
        await play.interleave();
      }),
      /a late one/,
    );
  });
});

describe("explore: a step that never settles", () => {
  const never = (): Promise<void> => new Promise(() => undefined);

  it("is a failure that names its script, and how many of its steps never ran", async () => {
    await assert.rejects(
      explore(async (play) => {
        play.script("ann", never, () => assert.fail("it ran"));
        play.script("ben", () => undefined);
        await play.interleave();
      }),
      { message: /^the script ann has a step that never settled, and 1 after it\n {2}in the interleaving/ },
    );
  });

  it("is one too where other scripts wait as well, and in a later interleaving", async () => {
    await assert.rejects(
      explore(async (play) => {
        play.script("ann", () => undefined);
        await play.interleave();
        play.script("ben", never);
        play.script("cleo", never);
        await play.interleave();
      }),
      /the script ben has a step that never settled\nthe script cleo has a step that never settled\n/,
    );
  });

  it("is none where the program settles it after it has interleaved", async () => {
    const gate = Promise.withResolvers<void>();
    const { runs } = await explore(async (play) => {
      play.script("ann", () => gate.promise);
      await play.interleave();
      gate.resolve();
    });

    assert.equal(runs, 1);
  });

  it("that fails after the last interleaving fails the run", async () => {
    await assert.rejects(
      explore(async (play) => {
        const gate = Promise.withResolvers<void>();
        play.script("ann", () => gate.promise);
        await play.interleave();
        gate.reject(new RangeError("its own"));
      }),
      /its own/,
    );
  });

  it("with steps after it, settled when nobody interleaves any more, leaves those undone: that is a failure too", async () => {
    await assert.rejects(
      explore(async (play) => {
        const gate = Promise.withResolvers<void>();
        play.script(
          "ann",
          () => gate.promise,
          () => assert.fail("it ran"),
        );
        await play.interleave();
        gate.resolve();
      }),
      /the script ann has 1 step that never ran/,
    );
  });
});

describe("explore: `only`", () => {
  const two = async (play: Play): Promise<void> => {
    scripts(play, { x: 1, y: 1 }, []);
    await play.interleave();
  };

  it("plays one interleaving, and whatever comes first after the choices that it has", async () => {
    assert.equal((await explore(two, { only: [] })).runs, 1);
    assert.equal((await explore(two, { only: [1] })).runs, 1);
    assert.equal((await explore(two, { only: [1, 0] })).runs, 1);
  });

  for (const { only, why } of [
    { only: [7, 7, 7], why: "choice 1 of `only` is 7, and 2 stand in line: no interleaving of this program" },
    { only: [0, 1], why: "choice 2 of `only` is 1, and 1 stands in line: no interleaving of this program" },
    { only: [-1], why: "choice 1 of `only` is -1, and 2 stand in line: no interleaving of this program" },
    { only: [0.5], why: "choice 1 of `only` is 0.5, and 2 stand in line: no interleaving of this program" },
    { only: [0, 0, 0], why: "`only` has 3 choices, and the program had 2 to make: no interleaving of this program" },
  ]) {
    it(`refuses ${JSON.stringify(only)}, which no interleaving has`, async () => {
      const failure: unknown = await explore(two, { only }).catch((error: unknown) => error);

      assert(failure instanceof Error);
      assert.equal(failure.message.split("\n")[0], why);
    });
  }

  it("plays again what a failure names, where some of those in line had nothing to do", async () => {
    const program = async (play: Play): Promise<void> => {
      const said: string[] = [];
      play.enqueue({ runSlot: () => 0 });
      play.enqueue({ runSlot: () => 0 });
      scripts(play, { a: 2, b: 2 }, said);
      await play.interleave();
      assert.notEqual(said.join(""), "baba");
    };
    const first: unknown = await explore(program).catch((error: unknown) => error);
    assert(first instanceof Error);
    const only = JSON.parse(/only: (\[[^\]]*\])/.exec(first.message)?.[1] ?? "") as number[];

    const again: unknown = await explore(program, { only }).catch((error: unknown) => error);

    assert(again instanceof Error);
    assert.match(first.message, /in the interleaving b a b a/);
    assert.equal(again.message, first.message);
  });
});

describe("explore: bounds", () => {
  const five = async (play: Play): Promise<void> => {
    scripts(play, { a: 4, b: 1 }, []);
    await play.interleave();
  };

  it("refuses a program with one run more than it may take, and not one with as many", async () => {
    assert.equal((await explore(five, { runsMax: 5 })).runs, 5);
    await assert.rejects(explore(five, { runsMax: 4 }), /more than 4 runs/);
  });

  it("notices a program that is not a function of the choices", async () => {
    let run = 0;
    await assert.rejects(
      explore(async (play) => {
        run += 1;
        scripts(play, run === 1 ? { a: 2, b: 2 } : { a: 2, b: 2, c: 2 }, []);
        await play.interleave();
      }),
      /a program is a function of the choices made for it/,
    );
  });
});

describe("explore: preemptionsMax", () => {
  const STEPS = { a: 3, b: 2, c: 2 };

  async function traces(preemptionsMax?: number): Promise<{ readonly seen: ReadonlySet<string>; isComplete: boolean }> {
    const seen = new Set<string>();
    const { runs, isComplete } = await explore(
      async (play) => {
        scripts(play, STEPS, []);
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
        scripts(play, { b: 1, c: 1 }, []);
        await play.interleave();
      },
      { preemptionsMax: 0 },
    );

    assert.deepEqual({ runs, isComplete }, { runs: 6, isComplete: true });
  });
});

describe("explore: events", () => {
  it("happen once, at every moment from when they are made", async () => {
    const seen = new Set<string>();
    await explore(async (play) => {
      scripts(play, { a: 2 }, []);
      play.event("bang", () => undefined);
      await play.interleave();
      seen.add(play.trace.join(" "));
    });

    assert.deepEqual([...seen].sort(), ["a a bang", "a bang a", "bang a a"]);
  });

  it("do not happen any more when they are undone, nor outside an interleaving", async () => {
    await explore(async (play) => {
      let happened = 0;
      const undo = play.event("bang", () => {
        happened += 1;
      });
      for (let turn = 0; turn < 10; turn += 1) await undefined;
      assert.equal(happened, 0);
      undo();
      play.script("a", () => play.event("bang", () => assert.fail("it happened"))());
      await play.interleave();
      assert.equal(happened, 0);
    });
  });

  it("that fail fail the run, and are in what it tells", async () => {
    await assert.rejects(
      explore(async (play) => {
        play.event("bang", () => assert.fail("its own"));
        await play.interleave();
      }),
      /its own\n {2}in the interleaving bang\n/,
    );
  });

  it("a step is in line when an event has settled it", async () => {
    const { runs } = await explore(async (play) => {
      play.script(
        "a",
        () => new Promise((resolve) => void play.event("done", resolve)),
        () => assert(play.trace.includes("done")),
      );
      await play.interleave();
    });

    assert.equal(runs, 1);
  });
});

describe("explore: what is chosen", () => {
  it("is each outcome once, stands behind whoever chose, and is played again", async () => {
    const seen: string[] = [];
    const program = async (play: Play): Promise<void> => {
      play.script("a", () => void play.choose("die", 3));
      scripts(play, { b: 1 }, []);
      await play.interleave();
      seen.push(play.trace.join(" "));
    };

    assert.equal((await explore(program, { preemptionsMax: 0 })).runs, 6);
    assert.deepEqual(seen.sort(), ["a die=0 b", "a die=1 b", "a die=2 b", "b a die=0", "b a die=1", "b a die=2"]);
    await explore(program, { only: [1, 0, 2] });
    assert.equal(seen.at(-1), "b a die=2");
  });
});
