/** A script in a process of its own, which says what it does until it ends, or something ends it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Plant } from "#test/kit/planted.ts";

export interface Surroundings {
  /** What runs the process, and its arguments; nothing else than Node unless this is said. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A bug in the sources that it runs. */
  readonly plant?: Pick<Plant, "file" | "from" | "to"> | undefined;
}

export interface Said {
  readonly lines: readonly string[];
  readonly errors: string;
}

/** It takes three seconds; one that hangs is a bug that is to be told, not waited for, ms. */
const HOST_MS_MAX = 120_000;

const PLANT_HOOK = join(import.meta.dirname, "plant-hook.ts");

/** One thread for the file system, so that the count of a call says which one it is. */
export async function runHost(
  script: string,
  args: readonly string[],
  { under = [], env = {}, plant }: Surroundings,
): Promise<Said> {
  const planting = plant === undefined ? [] : ["--import", PLANT_HOOK];
  const [command = "", ...rest] = [...under, process.execPath, ...planting, script, ...args];
  const child = spawn(command, rest, {
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: "1",
      // Node's own cache of compiled code is no store of ours: its renames are no points.
      NODE_DISABLE_COMPILE_CACHE: "1",
      ...(plant === undefined ? {} : { CEPA_PLANT: JSON.stringify(plant) }),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    // The whole group: what is traced outlives its tracer.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, HOST_MS_MAX);
  const [out, errors] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise((resolve) => child.once("close", resolve)),
  ]);
  clearTimeout(late);
  const lines = out.trimEnd().split("\n");
  assert(!isLate, `a process with ${JSON.stringify({ under, env })} hangs after: ${lines.at(-1)}\n${errors}`);
  return { lines, errors };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
