/**
 * What `/readyz` may say of a node whose parts have stood as they do for a while (GW-32): reads are open as long as nothing that
 * they need is known to be down, writes are closed as soon as one of those is not wholly well, or there is no room for them.
 *
 * It is a second reading of the rule, from the states that the root tells, and knows nothing of how the gateway reads it.
 */
import type { NodeStatus } from "#runtime/actor-module.ts";

/** What reads and writes need. */
const NEEDED: readonly string[] = ["storage", "index", "overlay"];

/** One answer of `/readyz`. */
export interface ReadinessSaid {
  readonly status: number;
  readonly ready: boolean;
  readonly for: string;
  readonly reasons: readonly string[];
}

/** Whether the node has refused a write for want of room, and none was stored since (GW-33). */
export type Fullness = "yes" | "no" | "maybe";

/** Undefined where it is none. */
export function readReadiness(status: number, body: Uint8Array): ReadinessSaid | undefined {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
  const { ready, for: about, reasons } = (said ?? {}) as Partial<ReadinessSaid>;
  if (typeof ready !== "boolean" || typeof about !== "string" || !Array.isArray(reasons)) return undefined;
  return { status, ready, for: about, reasons };
}

/** A sentence about what is wrong with the answers; undefined where nothing is. */
export function problemOfReadiness(
  { actors, shuttingDown }: Pick<NodeStatus, "actors" | "shuttingDown">,
  reads: ReadinessSaid,
  writes: ReadinessSaid,
  full: Fullness,
): string | undefined {
  const problem = problemOfAnswer("reads", reads) ?? problemOfAnswer("writes", writes);
  if (problem !== undefined || shuttingDown) return problem;
  const needed = NEEDED.map((name) => ({
    name,
    state: actors.find((actor) => actor.name === name)?.state ?? "unknown",
  }));
  const down = needed.filter(({ state }) => !["running", "degraded", "unknown"].includes(state));
  const unwell = needed.filter(({ state }) => state !== "running");
  if (reads.ready && down.length > 0) return `reads are open, and ${told(down)}`;
  if (!reads.ready && down.length === 0) return `reads are closed (${reads.reasons.join("; ")}), and nothing is down`;
  if (writes.ready && unwell.length > 0) return `writes are open, and ${told(unwell)}`;
  if (writes.ready && full === "yes") return "writes are open, and there was no room for the last one";
  if (!writes.ready && unwell.length === 0 && full === "no") {
    return `writes are closed (${writes.reasons.join("; ")}), and nothing is wrong`;
  }
  return undefined;
}

function problemOfAnswer(wanted: string, { status, ready, for: about, reasons }: ReadinessSaid): string | undefined {
  if (about !== wanted) return `asked of ${wanted}, it speaks of ${about}`;
  if (status !== (ready ? 200 : 503)) return `it says ${ready ? "ready" : "not ready"} with status ${status}`;
  if (!ready && reasons.length === 0) return `${wanted} are closed, and it does not say why`;
  return undefined;
}

function told(parts: readonly { readonly name: string; readonly state: string }[]): string {
  return parts.map(({ name, state }) => `${name} is ${state}`).join(", ");
}
