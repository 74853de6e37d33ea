/** What a network does to single requests: each carrier by itself, before a node that only writes down what arrives. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BrokenConnections } from "#chaos/network/broken-connections.ts";
import type { Carrier } from "#chaos/network/carrier.ts";
import { type Cut, cutAt } from "#chaos/network/cut.ts";
import { CUT_PATIENCE_MS, CutCarrier } from "#chaos/network/cut-carrier.ts";
import { NarrowNetwork } from "#chaos/network/narrow-network.ts";
import { ReorderedNetwork } from "#chaos/network/reordered-network.ts";
import { NEVER } from "#chaos/ratio.ts";
import { bodyOf } from "#chaos/workload/name-requests.ts";
import type { WorldAnswer, WorldRequest } from "#chaos/world.ts";
import { FAILED } from "#runtime/byte-source.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";

const stretch = { atMs: 0, forMs: 1000 };
const answer: WorldAnswer = { status: 200, headers: {}, body: Buffer.alloc(4000, "x"), complete: true };

/** A node that reads bodies to their end, and answers. */
function stage() {
  const clock = new ManualClock();
  const arrived: string[] = [];
  const send = async ({ target, body }: WorldRequest): Promise<WorldAnswer> => {
    arrived.push(`${target} at ${clock.nowMs()}`);
    const piece = new Uint8Array(2000);
    for (let count = 1; body !== undefined && count > 0; ) {
      count = await body.read(piece);
      if (count === FAILED) arrived.push(`${target} broke off at ${clock.nowMs()}`);
    }
    return answer;
  };
  const told: string[] = [];
  const ask = async (carrier: Carrier, request: WorldRequest): Promise<void> => {
    const given = await carrier.carry(request, send);
    const said = given === undefined ? "nothing" : `${given.body.length} bytes${given.complete ? "" : ", broken off"}`;
    told.push(`${request.target}: ${said} at ${clock.nowMs()}`);
  };
  return { clock, arrived, told, ask };
}

describe("chaos network: a cut", () => {
  const partition: Cut = { kind: "partition", ...stretch, groups: ["b"] };

  it("holds up one group and not the others, nor the operator, until it heals", async () => {
    const { clock, told, ask } = stage();
    const carrier = new CutCarrier(clock, seededRandom(1));
    const cut = cutAt(carrier.barrier, partition);

    void ask(carrier, { target: "/a", from: "a" });
    void ask(carrier, { target: "/b", from: "b" });
    void ask(carrier, { target: "/operator" });
    await clock.advance(700);
    await cut.heal();
    await clock.advance(1);

    assert.deepEqual(told.toSorted(), ["/a: 4000 bytes at 0", "/b: 4000 bytes at 700", "/operator: 4000 bytes at 0"]);
    assert.equal(cut.effects(), 1);
  });

  it("lets requests through and holds answers up, where only these are lost", async () => {
    const { clock, arrived, told, ask } = stage();
    const carrier = new CutCarrier(clock, seededRandom(1));
    const cut = cutAt(carrier.barrier, { kind: "one-way-cut", ...stretch, groups: ["b"], lost: "answers" });

    void ask(carrier, { target: "/b", from: "b" });
    await clock.advance(300);
    await cut.heal();
    await clock.advance(1);

    assert.deepEqual(arrived, ["/b at 0"]);
    assert.deepEqual(told, ["/b: 4000 bytes at 300"]);
  });

  it("outlasts the patience of a client, and what it had sent may arrive all the same", async () => {
    const { clock, arrived, told, ask } = stage();
    const carrier = new CutCarrier(clock, seededRandom(1));
    const cut = cutAt(carrier.barrier, partition);

    for (let number = 0; number < 20; number += 1) void ask(carrier, { target: `/${number}`, from: "b" });
    await clock.advance(CUT_PATIENCE_MS);
    const toldThen = told.length;
    await clock.advance(1000);
    await cut.heal();
    await clock.advance(1);

    assert.deepEqual([toldThen, told.length], [20, 20]);
    assert(
      told.every((said) => said.endsWith(`nothing at ${CUT_PATIENCE_MS}`)),
      told.join("\n"),
    );
    assert(arrived.length > 0 && arrived.length < 20, `${arrived.length} arrive`);
    assert(arrived.every((said) => said.endsWith(`at ${CUT_PATIENCE_MS + 1000}`)));
  });

  it("meets the first upload in its middle: it goes on, or breaks off when its client has left", async () => {
    for (const [cutForMs, expected] of [
      [500, ["/up at 0"]],
      [3000, ["/up at 0", "/up broke off at 3000"]],
    ] as const) {
      const { clock, arrived, ask } = stage();
      const carrier = new CutCarrier(clock, seededRandom(1));
      const cut = cutAt(carrier.barrier, partition);

      void ask(carrier, { target: "/up", method: "PUT", from: "b", ...bodyOf(Buffer.alloc(5000)) });
      await clock.advance(cutForMs);
      await cut.heal();
      await clock.advance(1);

      assert.deepEqual(arrived, expected);
    }
  });

  it("lasts until the last of several is healed", async () => {
    const { clock, told, ask } = stage();
    const carrier = new CutCarrier(clock, seededRandom(1));
    const one = cutAt(carrier.barrier, partition);
    const other = cutAt(carrier.barrier, { ...partition, groups: ["b", "c"] });

    void ask(carrier, { target: "/b", from: "b" });
    await clock.advance(100);
    await one.heal();
    await clock.advance(100);
    const between = [...told];
    await other.heal();
    await clock.advance(1);

    assert.deepEqual([between, told], [[], ["/b: 4000 bytes at 200"]]);
  });
});

describe("chaos network: narrow", () => {
  it("carries so many bytes a second each way, in all", async () => {
    const { clock, told, ask } = stage();
    const carrier = new NarrowNetwork({ bytesPerSecond: 1000 }, clock);

    void ask(carrier, { target: "/one" });
    void ask(carrier, { target: "/other" });
    await clock.advance(10_000);

    assert.deepEqual(told, ["/one: 4000 bytes at 4000", "/other: 4000 bytes at 8000"]);
    assert.equal(carrier.effects, 2);
  });

  it("slows bodies down, and holds nothing back when it is healed", async () => {
    const { clock, told, ask } = stage();
    const carrier = new NarrowNetwork({ bytesPerSecond: 1400 }, clock);

    void ask(carrier, { target: "/up", ...bodyOf(Buffer.alloc(14_000)) });
    await clock.advance(2500);
    const before = [...told];
    carrier.heal();
    await clock.advance(1);

    assert.deepEqual([before, told], [[], ["/up: 4000 bytes at 2500"]]);
  });
});

describe("chaos network: reordered", () => {
  it("holds some back, counts those that are overtaken, and loses none", async () => {
    const { clock, told, ask } = stage();
    const fault = { kind: "reordered-network", ...stretch, reorder: [1, 2], delayMs: 50 } as const;
    const carrier = new ReorderedNetwork(fault, clock, seededRandom(1));

    for (let number = 0; number < 20; number += 1) void ask(carrier, { target: `/${number}` });
    await clock.advance(200);

    assert.equal(told.length, 20);
    assert.notDeepEqual(
      told,
      told.toSorted((one, other) => numberIn(one) - numberIn(other)),
    );
    assert(carrier.effects > 0);
  });

  it("overtakes nothing where nothing is held back", async () => {
    const { clock, told, ask } = stage();
    const fault = { kind: "reordered-network", ...stretch, reorder: NEVER, delayMs: 50 } as const;
    const carrier = new ReorderedNetwork(fault, clock, seededRandom(1));

    for (let number = 0; number < 5; number += 1) void ask(carrier, { target: `/${number}` });
    await clock.advance(1);

    assert.deepEqual([told.length, carrier.effects], [5, 0]);
  });

  it("does nothing where nothing comes that could overtake", async () => {
    const { clock, told, ask } = stage();
    const fault = { kind: "reordered-network", ...stretch, reorder: [1, 1], delayMs: 50 } as const;
    const carrier = new ReorderedNetwork(fault, clock, seededRandom(1));

    void ask(carrier, { target: "/alone" });
    await clock.advance(200);

    assert.deepEqual([told.length, carrier.effects], [1, 0]);
  });
});

describe("chaos network: connections that break", () => {
  it("end in the middle of a body or of an answer, and the client is told no more than had arrived", async () => {
    const { clock, arrived, told, ask } = stage();
    const fault = { kind: "broken-connections", ...stretch, breaks: [1, 1] } as const;
    const carrier = new BrokenConnections(fault, seededRandom(1));

    for (let number = 0; number < 20; number += 1) {
      void ask(carrier, { target: `/up-${number}`, ...bodyOf(Buffer.alloc(9000)) });
      void ask(carrier, { target: `/down-${number}` });
    }
    await clock.advance(1);

    const brokenUploads = arrived.filter((said) => said.startsWith("/up") && said.includes("broke off"));
    const unanswered = told.filter((said) => said.startsWith("/up") && said.includes("nothing"));
    const brokenAnswers = told.filter((said) => said.includes("broken off"));
    assert(brokenUploads.length > 5 && brokenAnswers.length > 5, told.join("\n"));
    assert.equal(unanswered.length, brokenUploads.length);
    assert.equal(carrier.effects, unanswered.length + brokenAnswers.length);
  });
});

function numberIn(said: string): number {
  return Number(/\d+/.exec(said)?.[0]);
}
