/** What tests of runs share that are held against their models: the modules, and looks of which one is no consequence of the others. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadChecker } from "#chaos/models/checker.ts";
import type { RunModules } from "#chaos/models/run.ts";
import { must } from "#runtime/errors.ts";
import { createRealDisk } from "#runtime/real/disk.ts";

const FOLDER = join(import.meta.dirname, "../../../specs/models");

/** Loads the checker, too. */
export async function modulesOf(name: string): Promise<RunModules> {
  const disk = createRealDisk();
  await loadChecker(disk);
  const textOf = async (file: string): Promise<string> =>
    Buffer.from(must(await disk.readFile(join(FOLDER, file)), "a module")).toString();
  return { model: await textOf(`${name}.tla`), run: await textOf(`${name}Run.tla`) };
}

/** What happens, after what; the first of these may be, and the other, which is a bug of the product, may not. */
export interface RunBug<Seen> {
  readonly name: string;
  readonly after: readonly Seen[];
  readonly may: Seen;
  readonly not: Seen;
}

/** Fails with the look at `refused`, and up to two before it. */
export function mustBeTaken(looks: readonly unknown[], refused: number | undefined, which: string): void {
  const shown = refused === undefined ? [] : looks.slice(Math.max(0, refused - 2), refused + 1);
  assert.deepEqual(shown, [], `${which}: the last of these is no consequence of those before`);
}
