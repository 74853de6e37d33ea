/**
 * What the processes of a node have at rest, and its data directory, counted by kind, and what of it is more or less than it was.
 *
 * Packs are told apart: a store keeps some of those that it reads open, as many as there are. One that is deleted may not be.
 */
import { told } from "#chaos/soak/told.ts";

/** By process, or the data directory, and then by kind. */
export type RestCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const PACK = "pack";
export const DELETED_FILE = "deleted file";

/** What a descriptor is, by what `/proc` says that it leads to. Logs that are written anew go on under another number. */
export function kindOf(target: string): string {
  if (target.endsWith(" (deleted)")) return DELETED_FILE;
  const [, scheme] = /^(\w+):/.exec(target) ?? [];
  if (scheme !== undefined) return scheme === "anon_inode" ? target : scheme;
  return /\/packs\/[^/]+$/.test(target) ? PACK : `file ${target.replace(/\d+(?=[^/]*$)/g, "#")}`;
}

/** Undefined: it is what it was, to the last one. */
export function restProblem(before: RestCounts, after: RestCounts): string | undefined {
  const problems: string[] = [];
  for (const process of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was = {}, is = {}] = [before[process], after[process]];
    for (const kind of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const [then = 0, now = 0] = [was[kind], is[kind]];
      if (kind !== PACK && then !== now) problems.push(`${process} has ${now} of ${kind}, and had ${then}`);
    }
  }
  return told(problems);
}
