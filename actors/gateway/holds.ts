/** Removing and restoring, pinning and letting go; collecting what nobody holds, and reading again what is held. */

import type { ScrubFacts } from "#actors/domain/scrub-facts.ts";
import { type Desk, jsonAnswer, type Served, timeOf, type Visit } from "#actors/gateway/desk.ts";
import type { BadKeep } from "#actors/gateway/failures.ts";
import { optionsOf } from "#actors/gateway/objects.ts";
import type { Target } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** Longest time that can be asked for, seconds: a hundred years. */
export const KEEP_SECONDS_MAX = 3_155_760_000;
/** Entries of one page of the trash. */
const TRASH_PAGE_ENTRIES = 1000;

/** What `Cepa-Keep` asks for, ms; undefined where it is not there. */
export function keepMsOf({ request }: Visit): Result<number | undefined, BadKeep> {
  const field = request.headers["cepa-keep"];
  if (field === undefined) return ok(undefined);
  const seconds = /^[0-9]{1,10}$/.test(field) ? Number(field) : 0;
  if (seconds < 1 || seconds > KEEP_SECONDS_MAX)
    return fail({ code: "gateway.bad-keep", secondsMax: KEEP_SECONDS_MAX });
  return ok(seconds * second);
}

export async function removeTarget(desk: Desk, visit: Visit, target: Target): Served {
  const removed = await desk.overlay.call("remove", target, optionsOf(desk, visit));
  if (!removed.ok) return removed;
  const { address, restorableUntilMs } = removed.value;
  return ok(jsonAnswer(200, { ...nameOf(target), address, restorableUntil: timeOf(restorableUntilMs) }));
}

export async function restoreTarget(desk: Desk, visit: Visit, target: Target): Served {
  const restored = await desk.overlay.call("restore", target, optionsOf(desk, visit));
  if (!restored.ok) return restored;
  const { address, manifest, sizeBytes } = restored.value;
  return ok(jsonAnswer(200, { address, size: sizeBytes, manifest }));
}

export async function pinTarget(desk: Desk, visit: Visit, target: Target): Served {
  const keepMs = keepMsOf(visit);
  if (!keepMs.ok) return keepMs;
  const untilMs = keepMs.value === undefined ? undefined : desk.clock.wallMs() + keepMs.value;
  const pinned = await desk.overlay.call("pin", { target, untilMs }, optionsOf(desk, visit));
  if (!pinned.ok) return pinned;
  const until = pinned.value.untilMs;
  return ok(jsonAnswer(200, { ...nameOf(target), pinned: true, until: until === undefined ? null : timeOf(until) }));
}

export async function unpinTarget(desk: Desk, visit: Visit, target: Target): Served {
  const unpinned = await desk.overlay.call("unpin", target, optionsOf(desk, visit));
  return unpinned.ok ? ok(jsonAnswer(200, { ...nameOf(target), pinned: false })) : unpinned;
}

export async function listTrash(desk: Desk, visit: Visit): Served {
  const after = new URLSearchParams(visit.request.query).get("after") ?? undefined;
  const listed = await desk.overlay.call("listTrash", { after, limit: TRASH_PAGE_ENTRIES }, optionsOf(desk, visit));
  if (!listed.ok) return listed;
  const entries = listed.value.entries.map(({ address, manifest, sizeBytes, removedAtMs, restorableUntilMs }) => ({
    address,
    size: sizeBytes,
    manifest,
    removedAt: timeOf(removedAtMs),
    restorableUntil: timeOf(restorableUntilMs),
  }));
  return ok(jsonAnswer(200, { entries, next: listed.value.next ?? null }));
}

/** With `?trash=empty` what is in the trash is given up, too. */
export async function collectGarbage(desk: Desk, visit: Visit): Served {
  const emptyTrash = new URLSearchParams(visit.request.query).get("trash") === "empty";
  const begun = await desk.overlay.call("collectGarbage", { emptyTrash }, optionsOf(desk, visit));
  return begun.ok ? ok(jsonAnswer(202, begun.value)) : begun;
}

export async function describeCollection(desk: Desk, visit: Visit): Served {
  const described = await desk.overlay.call("describe", {}, optionsOf(desk, visit));
  if (!described.ok) return described;
  const { collection, freeBytes, manifestCount, storedBytes, trash } = described.value.storage;
  return ok(jsonAnswer(200, { ...collection, storedBytes, freeBytes, objectCount: manifestCount, trash }));
}

/** Begins to read everything again. */
export async function scrubNow(desk: Desk, visit: Visit): Served {
  const begun = await desk.overlay.call("scrubNow", {}, optionsOf(desk, visit));
  return begun.ok ? ok(jsonAnswer(202, scrubFactsOf(begun.value))) : begun;
}

export async function describeScrub(desk: Desk, visit: Visit): Served {
  const described = await desk.overlay.call("describe", {}, optionsOf(desk, visit));
  if (!described.ok) return described;
  const { damagedChunkCount, scrub } = described.value.storage;
  return ok(jsonAnswer(200, { ...scrubFactsOf(scrub), damagedRecords: damagedChunkCount }));
}

function scrubFactsOf({ damaged, oldestVerifiedAtMs, ...facts }: ScrubFacts): Readonly<Record<string, unknown>> {
  return {
    ...facts,
    oldestVerifiedAt: oldestVerifiedAtMs === 0 ? null : timeOf(oldestVerifiedAtMs),
    damaged: damaged.map(({ address, manifest, sizeBytes, isRemoved }) => ({
      address,
      size: sizeBytes,
      manifest,
      removed: isRemoved,
    })),
  };
}

function nameOf(target: Target): Readonly<Record<string, string>> {
  return "address" in target ? { address: target.address } : { manifest: target.root };
}
