/** Actors in every order that their turns, and the steps of those who speak to them, can take. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CastOutcome, Down } from "#runtime/ref.ts";
import { type Explored, explore } from "#runtime/simulated/explore.ts";
import { ExploredCell } from "#runtime/simulated/explored-cell.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import { type Noter, startNoter } from "#test/runtime/explore/noter.ts";

const within = { timeoutMs: 50 };

/** What an answer comes to: the value, or the failure's code and whether the handler may have run. */
type Outcome = string;

interface Asked {
  /** By text; one that was not asked, or not answered, is missing. */
  readonly outcomes: Map<string, Outcome[]>;
  ask(noter: Noter, name: "ask" | "task" | "forward" | "retry", text: string, whenFull?: "reject" | "wait"): () => void;
}

function asking(): Asked {
  const outcomes = new Map<string, Outcome[]>();
  return {
    outcomes,
    ask: (noter, name, text, whenFull) => () => {
      const mine: Outcome[] = [];
      outcomes.set(text, mine);
      void noter.ref.call(name, text, { ...within, whenFull }).then((answer) => {
        if (answer.ok) mine.push(answer.value);
        else mine.push(`${answer.failure.code} ${answer.failure.executed}`);
      });
    },
  };
}

/** Every answer fits what was handled: a value when it ran, "no" when it did not. */
function agree(outcomes: Map<string, Outcome[]>, noted: readonly string[]): void {
  for (const [text, mine] of outcomes) {
    assert.equal(mine.length, 1, `${text} is answered once, and not ${mine.length} times`);
    const handledCount = noted.filter((other) => other === text).length;
    const [outcome = ""] = mine;
    if (outcome === text) assert.equal(handledCount, 1, `${text} was answered, so it was handled once`);
    else if (outcome.endsWith(" no")) assert.equal(handledCount, 0, `${text} was handled, and its answer denies it`);
    else assert(handledCount <= 1, `${text} was handled at most once`);
  }
}

function inOrder(noted: readonly string[], sent: readonly string[]): void {
  assert.deepEqual(
    noted.filter((text) => sent.includes(text)),
    sent.filter((text) => noted.includes(text)),
    "what one sender sent is handled in that order, and once",
  );
}

function countsOf({ runs, cutOff, slotsMax }: Explored): string {
  return `${runs} interleavings of at most ${slotsMax} slots, ${cutOff} runs cut off`;
}

/** Ends what the program made, so that every call has its answer. */
async function close(play: Play, ...noters: readonly Noter[]): Promise<void> {
  const stopped = noters.map(({ actor }) => actor.stop());
  await play.interleave();
  await Promise.all(stopped);
  await play.interleave();
}

describe("explore: messages", () => {
  it("of full mailboxes are handled in each of the 560 orders of three actors (3, 3 and 2 messages)", async () => {
    const orders = new Set<string>();
    const { runs } = await explore(async (play) => {
      const cell = new ExploredCell(play);
      const sizes = { a: 3, b: 3, c: 2 };
      const noters = await Promise.all(Object.keys(sizes).map((name) => startNoter(cell, name)));
      play.script("all", () => {
        for (const [index, size] of Object.values(sizes).entries()) {
          for (let text = 1; text <= size; text += 1) noters[index]?.ref.cast("note", `${text}`);
        }
      });
      await play.interleave();

      for (const { noted } of noters) inOrder(noted, ["1", "2", "3"]);
      assert.deepEqual(
        noters.map(({ noted }) => noted.length),
        [3, 3, 2],
      );
      orders.add(play.trace.join(""));
    });

    assert.equal(runs, 560, "8! / (3! 3! 2!)");
    assert.equal(orders.size, runs);
  });

  it("of two senders keep the order of each, in all 84 interleavings (2 and 2 casts to one actor)", async () => {
    const orders = new Set<string>();
    const { runs } = await explore(async (play) => {
      const noter = await startNoter(new ExploredCell(play), "actor");
      const outcomes: CastOutcome[] = [];
      const cast = (text: string) => () => void outcomes.push(noter.ref.cast("note", text));
      play.script("p", cast("p1"), cast("p2"));
      play.script("q", cast("q1"), cast("q2"));
      await play.interleave();

      inOrder(noter.noted, ["p1", "p2"]);
      inOrder(noter.noted, ["q1", "q2"]);
      assert.equal(noter.noted.length, 4, "all that was accepted is handled");
      orders.add(noter.noted.join(" "));
    });

    assert.equal(runs, 84, "six orders of sending, each with the Catalan number 14 of ways to handle them");
    assert.equal(orders.size, 6);
  });

  it("past the capacity are refused or displaced, never lost", async (test) => {
    for (const overflow of ["reject", "drop-oldest"] as const) {
      const explored = await explore(async (play) => {
        const { outcomes, ask } = asking();
        const cell = new ExploredCell(play);
        const noter = await startNoter(cell, "actor", { mailboxCapacity: 1, overflow });
        play.script("p", ask(noter, "ask", "p1"), ask(noter, "ask", "p2"));
        play.script("q", ask(noter, "ask", "q1"), ask(noter, "ask", "q2"));
        await play.interleave();

        agree(outcomes, noter.noted);
        inOrder(noter.noted, ["p1", "p2"]);
        const refused = [...outcomes.values()].filter(([outcome]) => outcome === "runtime.mailbox-full no").length;
        assert.equal(noter.noted.length + refused, 4, "every call is handled or refused");
        assert.equal(cell.deadlineCount, 0, "no deadline is left behind");
      });
      test.diagnostic(`${overflow}: ${countsOf(explored)}`);
    }
  });

  it("of callers that wait for room are all handled, first come, first served", async (test) => {
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const noter = await startNoter(new ExploredCell(play), "actor", { mailboxCapacity: 1 });
      play.script("p", ask(noter, "ask", "p1", "wait"), ask(noter, "ask", "p2", "wait"));
      play.script("q", ask(noter, "ask", "q1", "wait"), ask(noter, "ask", "q2", "wait"));
      await play.interleave();

      assert.deepEqual([...outcomes.values()].flat().sort(), ["p1", "p2", "q1", "q2"], "nobody waits for ever");
      assert.deepEqual(noter.noted, [...outcomes.keys()], "first come, first served");
    });
    test.diagnostic(countsOf(explored));
  });

  it("that expire while they wait are not handled, whenever time passes", async (test) => {
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const cell = new ExploredCell(play);
      const noter = await startNoter(cell, "actor");
      play.script("p", ask(noter, "ask", "p1"), ask(noter, "ask", "p2"));
      play.script(
        "time",
        play.alone(() => cell.clock.advance(100)),
      );
      await play.interleave();
      await cell.clock.advance(100);

      agree(outcomes, noter.noted);
      assert.equal(cell.deadlineCount, 0, "no deadline is left behind");
    });
    test.diagnostic(countsOf(explored));
  });
});

describe("explore: ends of an incarnation", () => {
  it("stop against two callers: each call ran and was answered, or did not run", async (test) => {
    const seen = new Set<string>();
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const noter = await startNoter(new ExploredCell(play), "actor");
      play.script("p", ask(noter, "ask", "p1"), ask(noter, "ask", "p2"));
      play.script("q", ask(noter, "task", "q1"));
      let stoppedAt = -1;
      play.script("stop", () => {
        stoppedAt = noter.noted.length;
        void noter.actor.stop();
      });
      await play.interleave();
      await play.interleave();

      agree(outcomes, noter.noted);
      assert.equal(noter.noted.length, stoppedAt, "nothing is handled after a stop");
      for (const [outcome] of outcomes.values()) seen.add(String(outcome));
    });
    test.diagnostic(countsOf(explored));

    assert.deepEqual(
      [...seen].sort(),
      ["p1", "p2", "q1", "runtime.actor-crashed maybe", "runtime.actor-stopped no"],
      "every outcome that there is occurs in some interleaving",
    );
  });

  it("a crash between two messages fails the one in hand, and the next life goes on with the rest", async (test) => {
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const noter = await startNoter(new ExploredCell(play), "actor");
      noter.actor.onExit(() => void noter.actor.restart());
      play.script("p", ask(noter, "ask", "p1"), ask(noter, "ask", "p2"));
      play.script("q", () => void noter.ref.cast("die", "q1"), ask(noter, "task", "q2"));
      await play.interleave();

      agree(outcomes, noter.noted);
      inOrder(noter.noted, ["p1", "p2"]);
      inOrder(noter.noted, ["q1", "q2"]);
      assert.equal(noter.noted.length, 4, "the user lane survives");
      assert.equal(noter.actor.incarnation, 2);
      await close(play, noter);
    });
    test.diagnostic(countsOf(explored));
  });

  it("a message with a second chance has it before all that waits, and one answer", async (test) => {
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const noter = await startNoter(new ExploredCell(play), "actor");
      noter.actor.onExit(() => void noter.actor.restart());
      play.script("p", ask(noter, "retry", "p1"), ask(noter, "ask", "p2"));
      play.script("q", ask(noter, "ask", "q1"), ask(noter, "ask", "q2"));
      await play.interleave();

      const first = noter.noted.indexOf("p1");
      assert.deepEqual(noter.noted.slice(first, first + 2), ["p1", "p1"], "the second chance comes next");
      assert.deepEqual([...outcomes.values()].flat().sort(), ["p1", "p2", "q1", "q2"], "each is answered once");
      inOrder([...new Set(noter.noted)], ["p1", "p2"]);
      inOrder(noter.noted, ["q1", "q2"]);
    });
    test.diagnostic(countsOf(explored));
  });

  it("every monitor sees one DOWN, whether it was set before, between or after two lives", async (test) => {
    const reasons = new Set<string>();
    const explored = await explore(async (play) => {
      const noter = await startNoter(new ExploredCell(play), "actor");
      const downs: Down[][] = [];
      const monitor = (): void => {
        const mine: Down[] = [];
        downs.push(mine);
        noter.ref.monitor((down) => mine.push(down));
      };
      play.script("p", monitor, monitor);
      play.script(
        "fate",
        () => noter.actor.crash(),
        () => void noter.actor.restart(),
        () => void noter.actor.stop(),
      );
      await play.interleave();
      await close(play, noter);

      for (const mine of downs) assert.equal(mine.length, 1, "one DOWN a monitor");
      for (const [down] of downs) reasons.add(`${down?.incarnation} ${down?.reason}`);
    });
    test.diagnostic(countsOf(explored));

    assert.deepEqual([...reasons].sort(), ["1 crashed", "1 no-actor", "2 no-actor", "2 shutdown"]);
  });

  it("of one in the middle of three: the call through it is answered once, and its own call is not left behind", async (test) => {
    const seen = new Set<string>();
    const explored = await explore(async (play) => {
      const { outcomes, ask } = asking();
      const cell = new ExploredCell(play);
      const last = await startNoter(cell, "last");
      const middle = await startNoter(cell, "middle", { target: last.ref });
      play.script("p", ask(middle, "forward", "p1"), ask(last, "ask", "p2"));
      play.script("fate", () => middle.actor.crash());
      play.script("end", () => void last.actor.stop());
      await play.interleave();
      await close(play, middle, last);

      const [[forwarded] = []] = outcomes.values();
      seen.add(String(forwarded));
      for (const [text, mine] of outcomes) assert.equal(mine.length, 1, `${text} is answered once`);
      assert(last.noted.filter((text) => text === "p1").length <= middle.noted.length, "handed on at most once");
      assert.equal(cell.deadlineCount, 0, "no deadline is left behind");
    });

    assert.deepEqual([...seen].sort(), ["not p1", "p1", "runtime.actor-crashed maybe", "runtime.actor-stopped no"]);
    test.diagnostic(countsOf(explored));
  });

  it("an actor hears of the DOWN that it watches for in a turn of its own, before its messages", async (test) => {
    const explored = await explore(async (play) => {
      const cell = new ExploredCell(play);
      const target = await startNoter(cell, "target");
      const watcher = await startNoter(cell, "watcher", { target: target.ref });
      play.script(
        "p",
        () => void watcher.ref.cast("watch", "w1"),
        () => void watcher.ref.cast("note", "w2"),
      );
      play.script("q", () => void target.ref.cast("die", "t1"));
      await play.interleave();

      assert.equal(watcher.downs.length, 1, "one DOWN a watch");
      inOrder(watcher.noted, ["w1", "w2"]);
    });
    test.diagnostic(countsOf(explored));
  });
});
