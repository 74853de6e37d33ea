/** `cepa repair`: what has too few records, how far it is made again, and orders about that. */
import { setTimeout as pause } from "node:timers/promises";
import { columns, formatBytes, formatTime, type Piece, paint, print } from "#cli/console.ts";
import type { CliFailure, Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, factsIn, LOOK_INTERVAL_MS, sendText } from "#cli/http.ts";
import { startLine } from "#cli/progress.ts";
import { RepairWatch } from "#cli/repair-watch.ts";
import { askVolumes, parseVolumes, type RepairLine, type VolumeLines } from "#cli/volume-facts.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface RepairOptions extends NodeChoice {
  readonly json?: boolean;
  /** At most one of the three orders is given. */
  readonly now?: boolean;
  readonly pause?: boolean;
  readonly resume?: boolean;
  /** Look on until there is nothing more to do. */
  readonly watch?: boolean;
}

/** Fails where something is lost, unless all that was wanted is an order, which the node has taken. */
export async function repair(options: RepairOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const order = orderOf(options);
  const begun = order === undefined ? await askVolumes(url.value) : await send(url.value, order);
  if (!begun.ok) return begun;
  if (options.watch === true) return await watch(url.value, begun.value, options);
  tell(begun.value, options);
  return order === undefined ? outcomeOf(begun.value.repair) : ok();
}

function orderOf({ now, pause, resume }: RepairOptions): "now" | "pause" | "resume" | undefined {
  if (now === true) return "now";
  if (pause === true) return "pause";
  return resume === true ? "resume" : undefined;
}

async function send(url: string, order: string): Promise<Outcome<VolumeLines>> {
  return parseVolumes(
    factsIn(await sendText(`${url}/repair?action=${order}`, { method: "POST" }, ANSWER_TIMEOUT_MS), 202, "volumes"),
  );
}

/** With `json` every change is a line, and the last line is how it ended; else there is one table, at the end. */
async function watch(url: string, begun: VolumeLines, options: RepairOptions): Promise<Outcome> {
  const watching = new RepairWatch(begun.repair);
  const line = startLine();
  let told = "";
  try {
    for (let facts = begun; ; ) {
      const { repair, saidOfRepair } = facts;
      const said = JSON.stringify(saidOfRepair);
      if (options.json === true && said !== told) print(said);
      told = said;
      const end = watching.look(repair);
      if (end !== undefined) {
        line.end();
        if (options.json !== true) tell(facts, options);
        return end === "waiting" && repair.lostCount === 0 ? fail(mustWait(repair)) : outcomeOf(repair);
      }
      if (options.json !== true) line.show(() => watching.line(repair));
      await pause(LOOK_INTERVAL_MS);
      const next = await askVolumes(url);
      if (!next.ok) return next;
      facts = next.value;
    }
  } finally {
    line.end();
  }
}

function tell({ repair: facts, saidOfRepair }: VolumeLines, { json }: RepairOptions): void {
  if (json === true) print(JSON.stringify(saidOfRepair));
  else for (const line of columns(repairRows(facts))) print(...line);
}

function repairRows(facts: RepairLine): readonly (readonly Piece[])[] {
  const { state, delayedUntil, backlogCount, backlogBytes, atRiskBytes, lostCount, failedCount, etaMs } = facts;
  const none = state === "idle" || backlogCount > 0 ? "nothing" : "nothing counted yet";
  const away = [["not counted", "what is on volumes that are waited for: --now counts it, and does not wait"]];
  const backlog = `${backlogCount} chunks and manifests, ${formatBytes(backlogBytes)}`;
  const failed = [["failed", paint("yellow", `${failedCount} attempts, since the node started: the log says why`)]];
  const pace = [
    ["rate", `${formatBytes(facts.bytesPerSecond)}/s`],
    ["left", etaMs === undefined ? "not known" : `about ${formatTime(etaMs)}`],
  ];
  return [
    ["state", paint(state === "idle" ? "green" : "yellow", `${state}${delayedUntil && ` until ${delayedUntil}`}`)],
    ["backlog", backlogCount === 0 ? none : backlog],
    ["at risk", atRiskBytes === 0 ? none : `${formatBytes(atRiskBytes)}, which the next lost volume may take with it`],
    ["lost", lostCount === 0 ? none : paint("red", `${lostCount} chunks and manifests`)],
    ...(state === "delayed" ? away : []),
    ["repaired", `${facts.repairedCount}, ${formatBytes(facts.repairedBytes)}, since the node started`],
    ...(failedCount === 0 ? [] : failed),
    ...(state === "running" ? pace : []),
  ];
}

function mustWait({ backlogBytes, backlogCount }: RepairLine): CliFailure {
  return {
    code: "cli.repair-waiting",
    message: `${backlogCount} chunks or manifests (${formatBytes(backlogBytes)}) cannot be repaired now: too few volumes are there and have room (cepa volumes); the node goes on when that changes`,
  };
}

function outcomeOf({ lostCount }: RepairLine): Outcome {
  if (lostCount === 0) return ok();
  return fail({
    code: "cli.not-repairable",
    message: `too few records are left of ${lostCount} chunks or manifests: bring back the volumes that are missing (cepa volumes), or put the objects again`,
  });
}
