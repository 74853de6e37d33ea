/** How volumes and their repair stand, read from an answer of `/volumes` or `/repair`. */

import type { Outcome } from "#cli/failure.ts";
import { count, records, text } from "#cli/fields.ts";
import { ANSWER_TIMEOUT_MS, type Facts, factsIn, getText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface VolumeLine {
  readonly directory: string;
  /** Empty where no volume was ever seen. */
  readonly id: string;
  readonly state: string;
  /** A sentence; empty where nothing is wrong. */
  readonly problem: string;
  readonly packBytes: number;
  /** Empty where it is not known. */
  readonly fileSystem: string;
  /** As last seen; 0 of 0 where it never was. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface RepairLine {
  readonly state: string;
  /** Empty but while it is `delayed`. */
  readonly delayedUntil: string;
  /** Those that are lost included. */
  readonly backlogCount: number;
  readonly backlogBytes: number;
  readonly atRiskBytes: number;
  readonly lostCount: number;
  readonly repairedCount: number;
  readonly repairedBytes: number;
  readonly failedCount: number;
  readonly bytesPerSecond: number;
  /** Undefined where the node cannot say. */
  readonly etaMs: number | undefined;
}

export interface VolumeLines {
  readonly volumes: readonly VolumeLine[];
  readonly profile: string;
  readonly repair: RepairLine;
  /** As the node said it. */
  readonly said: Facts;
  readonly saidOfRepair: Facts;
}

export async function askVolumes(url: string): Promise<Outcome<VolumeLines>> {
  return parseVolumes(factsIn(await getText(`${url}/volumes`, ANSWER_TIMEOUT_MS), 200, "volumes"));
}

export function parseVolumes(facts: Outcome<Facts>): Outcome<VolumeLines> {
  if (!facts.ok) return facts;
  const { volumes, profile, repair } = facts.value;
  if (!Array.isArray(volumes) || !isRecord(repair))
    return fail({ code: "cli.bad-answer", message: "the answer says nothing of volumes" });
  return ok({
    volumes: records(volumes).map(volumeLine),
    profile: text(profile),
    repair: repairLine(repair),
    said: facts.value,
    saidOfRepair: repair,
  });
}

function volumeLine(volume: Facts): VolumeLine {
  return {
    directory: text(volume["directory"]),
    id: text(volume["id"]),
    state: text(volume["state"]),
    problem: text(volume["problem"]),
    packBytes: count(volume["packBytes"]),
    freeBytes: count(volume["freeBytes"]),
    totalBytes: count(volume["totalBytes"]),
    fileSystem: text(volume["fileSystem"]),
  };
}

function repairLine(repair: Facts): RepairLine {
  const { etaMs } = repair;
  return {
    state: text(repair["state"]),
    delayedUntil: text(repair["delayedUntil"]),
    backlogCount: count(repair["backlogCount"]),
    backlogBytes: count(repair["backlogBytes"]),
    atRiskBytes: count(repair["atRiskBytes"]),
    lostCount: count(repair["lostCount"]),
    repairedCount: count(repair["repairedCount"]),
    repairedBytes: count(repair["repairedBytes"]),
    failedCount: count(repair["failedCount"]),
    bytesPerSecond: count(repair["bytesPerSecond"]),
    etaMs: typeof etaMs === "number" ? etaMs : undefined,
  };
}
