/** An actor as a child: what its supervisor is told of a life, and in which words. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import { Defect, type ExitReason, ok } from "#runtime/errors.ts";
import type { Cast } from "#runtime/protocol.ts";
import { ActorChild } from "#supervisor/cell/actor-child.ts";
import { startActor } from "#test/kit/actor.ts";

interface FragileProtocol {
  poison: Cast<undefined>;
}

const poisoned = new Defect("poisoned");

/** `init` throws where `isUp` says no. */
const fragile = (isUp: () => boolean): Behavior<FragileProtocol, Record<never, never>, undefined, undefined> => ({
  name: "fragile",
  init: () => {
    if (!isUp()) throw new Defect("not up");
    return undefined;
  },
  handlers: {
    poison: () => {
      throw poisoned;
    },
  },
});

async function rig(isUp: () => boolean) {
  const { actor, ref, clock } = await startActor(fragile(isUp), undefined);
  const exits: ExitReason[] = [];
  const child = new ActorChild(actor, () => assert.fail("it is clean"));
  child.onExit((reason) => exits.push(reason));
  return { actor, ref, clock, child, exits };
}

describe("actor child", () => {
  it("reports a life that ends by a message which waited for it as one that was up (SUP-3)", async () => {
    const { actor, ref, clock, child, exits } = await rig(() => true);
    actor.kill(poisoned);
    ref.cast("poison", undefined);

    assert.deepEqual(await child.start(), ok());
    await clock.settle();
    assert.deepEqual(exits, [
      { kind: "crashed", defect: poisoned },
      { kind: "crashed", defect: poisoned },
    ]);
  });

  it("reports a failed start as the outcome of the start alone", async () => {
    let isUp = true;
    const { actor, child, exits } = await rig(() => isUp);
    actor.kill(poisoned);
    isUp = false;

    const started = await child.start();

    assert.deepEqual(started.ok ? undefined : started.failure, {
      code: "supervisor.start-failed",
      child: "fragile",
      reason: { kind: "crashed", defect: new Defect("not up") },
    });
    assert.equal(exits.length, 1);
  });
});
