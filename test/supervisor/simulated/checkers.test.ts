/** The checkers of the histories of a simulated node see a node that is wrong: each is shown one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AnyWiring, type Request, wired, withEnv, withRef } from "#chaos/simulated/rewired.ts";
import { ok } from "#runtime/errors.ts";
import { runSeeds, ScenarioFailed } from "#runtime/simulated/seeds.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";
import { NodeHistory } from "#test/supervisor/simulated/node-history.ts";

const SEEDS_MAX = 60;

/** The real node, but that one actor is wired otherwise. */
function planted(actor: string, change: (wiring: AnyWiring) => AnyWiring): typeof loaded {
  return wired(loaded, actor, change);
}

/** With a ref to overlay that does something before each call, or changes the request. */
function withOverlay(wiring: AnyWiring, change: (name: string, request: Request) => Request): AnyWiring {
  return withRef(wiring, "overlay", (name, request, proceed) => proceed(name, change(name, request)));
}

async function failureOf(catalogue: typeof loaded): Promise<ScenarioFailed> {
  const running = runSeeds({ count: SEEDS_MAX }, (simulation) => new NodeHistory(simulation, catalogue).run());
  const failure = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert(failure instanceof ScenarioFailed, `${SEEDS_MAX} seeds do not see it`);
  return failure;
}

describe("simulated node: a wrong one is seen", () => {
  it("that acknowledges what is not synced", async () => {
    const lying = planted("storage", (wiring) =>
      withEnv(wiring, ({ disk }) => ({ disk: { ...disk, sync: async () => ok() } })),
    );

    assert.match(
      (await failureOf(lying)).message,
      /was acknowledged, and is not there|502 .*storage\.corrupt|packs gone, or cut/,
    );
  });

  it("that answers with other bytes than were asked for", async () => {
    const mistaken = planted("gateway", (wiring) =>
      withOverlay(wiring, (name, request) => {
        const range = Reflect.get(request, "range") as { readonly first?: number } | undefined;
        return name === "get" && range?.first !== undefined ? { ...request, range: { ...range, first: 0 } } : request;
      }),
    );

    assert.match((await failureOf(mistaken)).message, /wrong range of b3:/);
  });

  it("that leaves a timer behind for each request", async () => {
    const leaking = planted("gateway", (wiring) =>
      withOverlay(wiring, (_name, request) => {
        wiring.env.clock.after(3_600_000, () => undefined);
        return request;
      }),
    );

    assert.match((await failureOf(leaking)).message, /timers of work that is done are gone/);
  });

  it("that leaves a file open", async () => {
    const leaking = planted("storage", (wiring) =>
      withEnv(wiring, ({ disk }) => ({
        disk: { ...disk, close: async (descriptor) => (descriptor % 7 === 0 ? ok() : await disk.close(descriptor)) },
      })),
    );

    assert.match((await failureOf(leaking)).message, /a node that is down holds no timer and no file/);
  });

  it("that refuses though nothing is wrong", async () => {
    let count = 0;
    const moody = planted("gateway", (wiring) =>
      withOverlay(wiring, (_name, request) => {
        count += 1;
        return count % 50 === 0 ? { ...request, address: "b3:none" } : request;
      }),
    );

    assert.match((await failureOf(moody)).message, /may be tried again|succeeds while nothing is wrong|is not there/);
  });

  it("that is not the same again", async () => {
    let count = 0;
    const wayward = planted("gateway", (wiring) =>
      withOverlay(wiring, (_name, request) => {
        count += 1;
        wiring.env.log.info("wayward", { count });
        return request;
      }),
    );

    const { message } = await failureOf(wayward);

    assert.match(message, /^seed 1: it is not the same again:\n/);
    assert.match(message, /\n- .*wayward.*\n\+ .*wayward/);
  });

  for (const [what, touch] of [
    ["Timeout", () => clearTimeout(setTimeout(() => undefined, 10))],
    ["Date.now", () => Date.now()],
  ] as const) {
    it(`in which an actor uses the real world (${what})`, async () => {
      const ambient = planted("gateway", (wiring) =>
        withOverlay(wiring, (_name, request) => {
          touch();
          return request;
        }),
      );

      const { message } = await failureOf(ambient);

      assert.match(message, new RegExp(`^seed 1: .*touched the real world: ${what}\n`));
      assert.match(message, /\n {4}at .*checkers\.test\.ts/);
    });
  }
});
