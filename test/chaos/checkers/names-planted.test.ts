/**
 * The checker of names sees a node that is wrong: it is shown one with each bug, and how many histories show it is told. A third
 * of the bugs are planted each time, until the first history that shows it; `CEPA_SEEDS`, as `./cepa verify` sets it, plants all,
 * in as many histories.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AnyResult, type Proceed, type Request, wired, withEnv, withRef } from "#chaos/simulated/rewired.ts";
import { ok } from "#runtime/errors.ts";
import { runSeeds, ScenarioFailed } from "#runtime/simulated/seeds.ts";
import { checkNames } from "#test/chaos/checkers/check-names.ts";
import { loaded } from "#test/supervisor/simulated/catalogue.ts";

const { CEPA_SEEDS } = process.env;
const STEP = CEPA_SEEDS === undefined ? 3 : 1;
/** So many histories a bug has to show itself in, and so many are looked at for how often it does. */
const SEEDS_MAX = 40;
const SEEDS_LOOKED_AT = Math.min(SEEDS_MAX, Number(CEPA_SEEDS ?? 0));

type Catalogue = typeof loaded;

interface Bug {
  readonly what: string;
  /** Afresh for each history: a bug may remember. */
  readonly plant: () => Catalogue;
  readonly says: RegExp;
}

const NOT_LINEARIZABLE = /name-\d+: not linearizable: no order explains the first \d+ that returned/;

const labelOf = (request: Request): string => {
  const { name, record } = request as {
    readonly name?: { readonly label: string };
    readonly record?: { label: string };
  };
  return String((name ?? record)?.label);
};

/** The gateway, as overlay answers it. */
function gatewayWith(answer: (name: string, request: Request, proceed: Proceed) => Promise<AnyResult>): Catalogue {
  return wired(loaded, "gateway", (wiring) => withRef(wiring, "overlay", answer));
}

const bugs: readonly Bug[] = [
  {
    what: "that answers an older record at times (a stale read)",
    plant: () => {
      const seen = new Map<string, AnyResult[]>();
      let count = 0;
      return gatewayWith(async (name, request, proceed) => {
        const answer = await proceed(name, request);
        if (name !== "getName" || !answer.ok) return answer;
        const before = seen.get(labelOf(request)) ?? [];
        seen.set(labelOf(request), [...before, answer]);
        count += 1;
        return count % 10 === 0 ? (before.at(-3) ?? answer) : answer;
      });
    },
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that lets the last of two who contradict each other win",
    plant: () => {
      const winners = new Map<string, unknown>();
      return wired(loaded, "overlay", (wiring) =>
        withRef(wiring, "index", async (name, request, proceed) => {
          if (name !== "setName" && name !== "judgeName" && name !== "getName") return await proceed(name, request);
          const winner = winners.get(labelOf(request));
          if (name === "getName" && winner !== undefined) return ok(winner);
          const answer = await proceed(name, request);
          if (name === "getName" || answer.failure?.code !== "index.name-frozen") return answer;
          winners.set(labelOf(request), request["record"]);
          return ok(name === "judgeName" ? "known" : undefined);
        }),
      );
    },
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that acknowledges an update and drops it at times",
    plant: () => {
      let count = 0;
      return wired(loaded, "overlay", (wiring) =>
        withRef(wiring, "index", async (name, request, proceed) => {
          count += name === "setName" ? 1 : 0;
          return name === "setName" && count % 8 === 0 ? ok() : await proceed(name, request);
        }),
      );
    },
    says: NOT_LINEARIZABLE,
  },
  {
    // A disk that never syncs is seen as well, but rather because the journal is found damaged.
    what: "that acknowledges every other update without a sync",
    plant: () => {
      let count = 0;
      const isSkipped = (): boolean => {
        count += 1;
        return count % 2 === 0;
      };
      return wired(loaded, "index", (wiring) =>
        withEnv(wiring, ({ disk }) => ({
          disk: { ...disk, sync: async (descriptor) => (isSkipped() ? ok() : await disk.sync(descriptor)) },
        })),
      );
    },
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that does what it says it has refused",
    plant: () => {
      let count = 0;
      return gatewayWith(async (name, request, proceed) => {
        const answer = await proceed(name, request);
        count += name === "setName" && answer.ok ? 1 : 0;
        const refused = { ok: false, failure: { code: "gateway.draining" } };
        return name === "setName" && answer.ok && count % 4 === 0 ? refused : answer;
      });
    },
    // Also where nobody disturbs it.
    says: /not linearizable|is served while nothing is wrong/,
  },
  {
    what: "that lists a name as it was",
    plant: () => {
      let last: AnyResult | undefined;
      let count = 0;
      return gatewayWith(async (name, request, proceed) => {
        const answer = await proceed(name, request);
        if (name !== "listNames" || !answer.ok) return answer;
        const before = last;
        last = answer;
        count += 1;
        return count % 3 === 0 ? (before ?? answer) : answer;
      });
    },
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that accepts two updates which contradict each other",
    plant: () =>
      gatewayWith(async (name, request, proceed) => {
        const answer = await proceed(name, request);
        return name === "setName" && answer.failure?.code === "index.name-frozen" ? ok() : answer;
      }),
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that leads a frozen name where it led before",
    plant: () => {
      const last = new Map<string, AnyResult>();
      return gatewayWith(async (name, request, proceed) => {
        const answer = await proceed(name, request);
        if (name !== "getName") return answer;
        if (answer.ok) last.set(labelOf(request), answer);
        return answer.failure?.code === "index.name-frozen" ? (last.get(labelOf(request)) ?? answer) : answer;
      });
    },
    says: NOT_LINEARIZABLE,
  },
  {
    what: "whose history does not wait for what came before it",
    plant: () =>
      gatewayWith(async (name, request, proceed) => {
        if (name !== "readNameHistory") return await proceed(name, request);
        const asked = request["name"] as { readonly publicKey: string };
        const listed = await proceed("listNames", { publicKey: asked.publicKey, after: "", limit: 256 });
        if (!listed.ok) return listed;
        const states = listed.value as readonly { readonly history: readonly { readonly label: string }[] }[];
        const found = states.find(({ history }) => history[0]?.label === labelOf(request));
        return found === undefined ? { ok: false, failure: { code: "index.name-unknown" } } : ok(found);
      }),
    says: NOT_LINEARIZABLE,
  },
  {
    what: "that does what a life before it was asked, after it has answered what there is",
    plant: () => {
      const kept = new Map<string, Request>();
      return wired(loaded, "gateway", (wiring) => {
        const before = new Map(kept);
        return withRef(wiring, "overlay", async (name, request, proceed) => {
          const label = labelOf(request);
          if (name === "setName") kept.set(label, request);
          const answer = await proceed(name, request);
          if (name === "setName" && answer.failure?.code.endsWith("unavailable") !== true) kept.delete(label);
          const late = before.get(label);
          if (name !== "getName" || late === undefined) return answer;
          before.delete(label);
          await proceed("setName", late);
          return answer;
        });
      });
    },
    says: NOT_LINEARIZABLE,
  },
];

async function failureOf(seed: number, plant: () => Catalogue): Promise<ScenarioFailed | undefined> {
  const running = runSeeds({ from: seed, count: 1, repeatEvery: 2 }, (simulation) => checkNames(simulation, plant()));
  const failure = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert(failure === undefined || failure instanceof ScenarioFailed, String(failure));
  return failure;
}

describe("names of a simulated node: a wrong one is seen", () => {
  for (const { what, plant, says } of bugs.filter((_, at) => at % STEP === 0)) {
    it(what, async (context) => {
      const caught: number[] = [];
      let [looked, otherwise] = [0, 0];
      for (let seed = 1; seed <= SEEDS_MAX && (caught.length === 0 || seed <= SEEDS_LOOKED_AT); seed += 1) {
        looked += 1;
        const failure = await failureOf(seed, plant);
        if (failure !== undefined && says.test(failure.message)) caught.push(seed);
        else if (failure !== undefined) otherwise += 1;
      }

      context.diagnostic(
        `caught in ${caught.length} of ${looked} histories, the first of seed ${caught[0]}; ${otherwise} more failed otherwise`,
      );
      assert(caught.length > 0, `${SEEDS_MAX} histories do not show it`);
    });
  }
});
