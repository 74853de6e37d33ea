/** A counter in another process, at the far end of a link over a Unix socket. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cepaSwitchboard } from "#bench/actors/cepa-machine.ts";
import type { CounterProtocol } from "#bench/actors/counter.ts";
import type { Ref } from "#runtime/ref.ts";

const FAR_CELL = join(import.meta.dirname, "far-cell.ts");

/** The other process ends with this one. */
export async function startFarCounter(): Promise<Ref<CounterProtocol>> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-bench-"));
  const path = join(directory, "far");
  const far = spawn(process.execPath, [FAR_CELL, path], { stdio: ["pipe", "pipe", "inherit"] });
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  // Its first words say that it listens.
  await Promise.race([once(far.stdout, "data"), once(far, "exit")]);
  if (far.exitCode !== null) throw new Error("the far cell ended before it listened");
  return cepaSwitchboard("near", path).ref<CounterProtocol>("counter", "far");
}
