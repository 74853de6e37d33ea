/** What an operator's command does in a cell, with a real actor. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behavior } from "#runtime/behavior.ts";
import type { Cast } from "#runtime/protocol.ts";
import { LETTER_TEXT_LENGTH_MAX } from "#supervisor/cell/letters.ts";
import { obey } from "#supervisor/cell/operator.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { startActor } from "#test/kit/actor.ts";

interface FussyProtocol {
  take: Cast<Readonly<Record<string, unknown>>>;
}

const fussy: Behavior<FussyProtocol, never, { isFussy: boolean; taken: number }, { isFussy: boolean; taken: number }> =
  {
    name: "fussy",
    init: (deps) => deps,
    failpoints: ["taken"],
    handlers: {
      take: (deps, _request, ctx) => {
        ctx.maybe("taken");
        if (deps.isFussy) throw new RangeError("not that");
        deps.taken += 1;
      },
    },
  };

/** Only asked to kill and resume here. */
const supervisor = {
  kill: () => ({ ok: false, failure: { code: "supervisor.not-running", child: "fussy", state: "backing-off" } }),
  resume: () => ({ ok: true, value: undefined }),
} as unknown as Supervisor;

async function withLetters(...requests: readonly Readonly<Record<string, unknown>>[]) {
  const deps = { isFussy: true, taken: 0 };
  const started = await startActor(fussy, deps);
  for (const request of requests) {
    started.ref.cast("take", request);
    await started.clock.settle();
    await started.restart();
  }
  deps.isFussy = false;
  return { ...started, deps, actors: new Map([["fussy", started.actor]]) };
}

describe("operator: commands about an actor", () => {
  it("lists dead letters, shortened and without secrets", async () => {
    const bytes = new Uint8Array(100_000);
    const { actors } = await withLetters({ password: "hunter2", size: 3 }, { text: "x".repeat(500) }, { bytes });

    const answer = obey({ kind: "list-letters", actor: "fussy" }, actors, supervisor);

    assert(answer.refusal === undefined, "it is answered");
    const [secret, long, large] = answer.fields["letters"] as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(secret, {
      id: 1,
      name: "take",
      isReplayable: true,
      isCall: false,
      reason: "crashed",
      incarnation: 1,
      entered: 1,
      at: "2026-01-01T00:00:00.000Z",
      request: '{"password":"[redacted]","size":3}',
    });
    assert.equal(String(long?.["request"]).length, LETTER_TEXT_LENGTH_MAX);
    assert.deepEqual([large?.["isReplayable"], large?.["request"]], [false, ""]);
  });

  it("sends a letter again, and says why one stays", async () => {
    const { actors, clock, deps } = await withLetters({ size: 1 });

    const sent = obey({ kind: "replay-letter", actor: "fussy", letter: 1 }, actors, supervisor);
    const again = obey({ kind: "replay-letter", actor: "fussy", letter: 1 }, actors, supervisor);
    await clock.settle();

    assert.deepEqual(sent, { fields: {} });
    const message = "there is no letter of that number";
    assert.deepEqual(again, { refusal: { code: "runtime.not-replayed", message } });
    assert.equal(deps.taken, 1);
  });

  it("arms a failpoint, and says which an actor has", async () => {
    const { actors, ref, clock, exits } = await withLetters();
    const arm = (failpoint: string) =>
      obey({ kind: "arm-failpoint", actor: "fussy", failpoint, times: 1 }, actors, supervisor);

    assert.deepEqual(arm("nowhere"), {
      refusal: { code: "runtime.no-such-failpoint", message: "its failpoints are taken" },
    });
    assert.deepEqual(arm("taken"), { fields: {} });
    ref.cast("take", {});
    await clock.settle();

    assert.deepEqual(
      exits.map(({ kind }) => kind),
      ["crashed"],
    );
    assert.deepEqual(
      obey({ kind: "arm-failpoint", actor: "other", failpoint: "taken", times: 1 }, actors, supervisor),
      {
        refusal: { code: "supervisor.no-such-child", message: "there is no such actor" },
      },
    );
  });

  it("passes on what the supervisor says, and knows its actors", async () => {
    const { actors } = await withLetters();

    assert.deepEqual(obey({ kind: "resume-actor", actor: "fussy" }, actors, supervisor), { fields: {} });
    assert.deepEqual(obey({ kind: "kill-actor", actor: "fussy" }, actors, supervisor), {
      refusal: { code: "supervisor.not-running", message: "it is backing-off" },
    });
    assert.deepEqual(obey({ kind: "list-letters", actor: "other" }, actors, supervisor), {
      refusal: { code: "supervisor.no-such-child", message: "there is no such actor" },
    });
    assert.deepEqual(obey({ kind: "list-letters", actor: "fussy" }, actors, undefined), {
      refusal: { code: "supervisor.not-running", message: "it is starting" },
    });
  });
});
