/** The explorer itself: that it plays every interleaving, each once, and can play a failing one again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explore, type Play } from "#runtime/simulated/explore.ts";

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
      assert.deepEqual(explored, { runs, cutOff: 0, slotsMax });
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
    await assert.rejects(explore(lostUpdate), /no update is lost[\s\S]*in the interleaving a b a b\n {2}\{ only: \[/);
  });

  it("is played again from what it names", async () => {
    const failure: unknown = await explore(lostUpdate).catch((error: unknown) => error);
    assert(failure instanceof Error);
    const only = JSON.parse(/only: (\[[^\]]*\])/.exec(failure.message)?.[1] ?? "") as number[];

    await assert.rejects(explore(lostUpdate, { only }), { message: failure.message });
    assert.deepEqual(await explore(lostUpdate, { only: [0, 1] }), { runs: 1, cutOff: 0, slotsMax: 4 });
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
