/** Runs a workload in a process of its own, and reads from what it said what must be there afterwards. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Digest, parseDigest } from "#actors/domain/address.ts";
import type { Layout } from "#test/actors/storage/points/layout.ts";
import { runHost, type Surroundings } from "#test/kit/host.ts";

/** What is known of the objects of a workload that ended somewhere. */
export interface Told {
  /** It came to its end. */
  readonly isDone: boolean;
  /** Must be there. */
  readonly held: ReadonlyMap<number, Digest>;
  /** Must not be there. */
  readonly removed: ReadonlyMap<number, Digest>;
  /** Of either, the change that nobody heard the end of. */
  readonly uncertain: ReadonlySet<number>;
  readonly errors: string;
}

/** `recover` only opens the store. */
export type Mode = "work" | "recover";

export interface Workload {
  /** The data directory. */
  readonly directory: string;
  readonly mode: Mode;
  readonly layout: Layout;
}

const HOST = join(import.meta.dirname, "workload-host.ts");

export async function runWorkload({ directory, mode, layout }: Workload, surroundings: Surroundings): Promise<Told> {
  const { lines, errors } = await runHost(HOST, [directory, mode, layout], surroundings);
  return { ...tell(lines), errors };
}

function tell(lines: readonly string[]): Omit<Told, "errors"> {
  const [held, removed] = [new Map<number, Digest>(), new Map<number, Digest>()];
  const known = new Map<number, Digest>();
  const uncertain = new Set<number>();
  let isDone = false;
  for (const line of lines) {
    const [what, number, root = ""] = line.split(" ");
    const seed = Number(number);
    if (what === "done") isDone = true;
    if (what === "putting" || what === "removing") {
      uncertain.add(seed);
      held.delete(seed);
      removed.delete(seed);
    }
    const manifest = parseDigest(root) ?? known.get(seed);
    if (what === "put" && manifest !== undefined) {
      known.set(seed, manifest);
      held.set(seed, manifest);
      uncertain.delete(seed);
    }
    if (what === "removed") {
      assert(manifest !== undefined, "what is removed was put");
      removed.set(seed, manifest);
      uncertain.delete(seed);
    }
  }
  return { isDone, held, removed, uncertain };
}
