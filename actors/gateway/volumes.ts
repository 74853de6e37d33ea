/** The volumes of the store, and the repair of what has too few records: how they are, and what is to be done. */

import type { RepairAction, RepairFacts, VolumeFacts, VolumesFacts } from "#actors/domain/volumes-facts.ts";
import { type Desk, jsonAnswer, type Served, timeOf, type Visit } from "#actors/gateway/desk.ts";
import type { BadAction } from "#actors/gateway/failures.ts";
import { optionsOf } from "#actors/gateway/objects.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** Every action has a place here, or this does not compile. */
const actions: Readonly<Record<RepairAction, true>> = { now: true, pause: true, resume: true };

export async function describeVolumes(desk: Desk, visit: Visit): Served {
  const described = await desk.overlay.call("describeVolumes", {}, optionsOf(desk, visit));
  return described.ok ? ok(jsonAnswer(200, volumesJson(described.value))) : described;
}

/** What is to be done is in `?action=`. */
export async function repairVolumes(desk: Desk, visit: Visit): Served {
  const action = actionOf(visit);
  if (!action.ok) return action;
  const ordered = await desk.overlay.call("repair", { action: action.value }, optionsOf(desk, visit));
  return ordered.ok ? ok(jsonAnswer(202, volumesJson(ordered.value))) : ordered;
}

/** Which one is in `?forget=`; with `&lose=yes` also one that may hold what nothing else does. */
export async function forgetVolume(desk: Desk, visit: Visit): Served {
  const query = new URLSearchParams(visit.request.query);
  const [volume = "", ...more] = query.getAll("forget");
  if (volume === "" || more.length > 0) return fail({ code: "gateway.volume-missing" });
  const request = { volume, mayLose: query.get("lose") === "yes" };
  const forgotten = await desk.overlay.call("forgetVolume", request, optionsOf(desk, visit));
  return forgotten.ok ? ok(jsonAnswer(200, volumesJson(forgotten.value))) : forgotten;
}

function actionOf({ request }: Visit): Result<RepairAction, BadAction> {
  const [action = "", ...more] = new URLSearchParams(request.query).getAll("action");
  if (more.length === 0 && isAction(action)) return ok(action);
  return fail({ code: "gateway.bad-action", known: Object.keys(actions).join(", ") });
}

function isAction(text: string): text is RepairAction {
  return Object.hasOwn(actions, text);
}

function volumesJson({ volumes, profile, repair }: VolumesFacts): Readonly<Record<string, unknown>> {
  return { volumes: volumes.map(volumeJson), profile, repair: repairJson(repair) };
}

function volumeJson({ problem, fileSystem, ...facts }: VolumeFacts): Readonly<Record<string, unknown>> {
  return { ...facts, fileSystem: fileSystem ?? null, problem: problem ?? null };
}

function repairJson({ delayedUntilMs, etaMs, ...facts }: RepairFacts): Readonly<Record<string, unknown>> {
  return {
    ...facts,
    delayedUntil: delayedUntilMs === undefined ? null : timeOf(delayedUntilMs),
    etaMs: etaMs ?? null,
  };
}
