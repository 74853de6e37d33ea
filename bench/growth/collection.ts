/** One collection of a running node, from the question to its end. */
import { setTimeout as pause } from "node:timers/promises";
import type { RunningNode } from "#bench/running-node.ts";
import { type Facts, factsIn, getText, LOOK_INTERVAL_MS, sendText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { must } from "#runtime/errors.ts";
import { minute, second } from "#runtime/units.ts";

const TIMEOUT_MS: number = 1 * minute;

export interface Collected {
  /** By the node's own clock. */
  readonly seconds: number;
  readonly freedBytes: number;
  readonly buriedCount: number;
}

/** What was removed goes for good. It throws where the collection could not do its work. */
export async function collect({ url }: Pick<RunningNode, "url">): Promise<Collected> {
  const path = `${url}/gc`;
  const begun = must(
    factsIn(await sendText(`${path}?trash=empty`, { method: "POST" }, TIMEOUT_MS), 202, "phase"),
    "asking",
  );
  const before = endOf(begun);
  for (;;) {
    const facts = must(factsIn(await getText(path, TIMEOUT_MS), 200, "phase"), "asking how the collection goes");
    const { last, phase } = facts;
    if (phase !== "idle" || !isRecord(last) || endOf(facts) === before) {
      await pause(LOOK_INTERVAL_MS);
      continue;
    }
    if (last["blocked"] !== undefined) throw new Error(`a collection was blocked: ${last["blocked"]}`);
    return {
      seconds: Number(last["elapsedMs"]) / second,
      freedBytes: Number(last["freedBytes"]),
      buriedCount: Number(last["buriedCount"]),
    };
  }
}

function endOf({ last }: Facts): unknown {
  return isRecord(last) ? last["endedAtMs"] : undefined;
}
