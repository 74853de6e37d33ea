/**
 * Processes of Node that this one starts have some of its environment, whatever environment it gives them: a root hands little of
 * its own to its cells.
 *
 * Loaded with `--import` it hands on what `CEPA_HAND_ON` names, with commas between.
 */
import processes from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

export function handOn(names: readonly string[]): void {
  const { spawn } = processes;
  const handed = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  const spawnWith = (command: string, args: readonly string[], options: processes.SpawnOptions) => {
    const { env = process.env } = options;
    // Another program may come first, which becomes it.
    const isNode = [command, ...args].includes(process.execPath);
    return spawn(command, args, isNode ? { ...options, env: { ...env, ...handed } } : options);
  };
  processes.spawn = spawnWith as typeof spawn;
  syncBuiltinESMExports();
}

const { CEPA_HAND_ON } = process.env;
if (CEPA_HAND_ON !== undefined) handOn(CEPA_HAND_ON.split(","));
