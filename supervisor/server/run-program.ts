/** A program that does one thing and ends: it is run to its end, within a time, and what it said last is kept. */
import type { Clock } from "#runtime/clock.ts";
import { describeExit } from "#runtime/errors.ts";
import type { Processes } from "#runtime/processes.ts";
import { exitReasonOf } from "#supervisor/process-exit.ts";
import { LastLines } from "#supervisor/server/last-lines.ts";

export interface Program {
  /** Absolute. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Past it the program, and all that it started, is killed. */
  readonly timeoutMs: number;
}

/** What came of it: its last words, and what went wrong unless it ended with 0. */
export interface ProgramEnd {
  readonly said: string;
  readonly problem: string | undefined;
}

export async function runProgram(program: Program, processes: Processes, clock: Clock): Promise<ProgramEnd> {
  const { command, args, env, timeoutMs } = program;
  const lines = new LastLines(() => undefined);
  const spawned = await processes.spawn({
    command,
    args,
    env,
    channel: false,
    diesWithParent: true,
    onOutput: (bytes, stream) => lines.push(bytes, stream),
  });
  if (!spawned.ok) return { said: "", problem: `${command}: ${spawned.failure.errno}` };
  return new Promise((resolve) => {
    let isOverdue = false;
    const timer = clock.after(timeoutMs, () => {
      isOverdue = true;
      spawned.value.kill("SIGKILL");
    });
    spawned.value.onExit((exit) => {
      timer.cancel();
      const said = lines.toString();
      const how = isOverdue ? `took longer than ${timeoutMs} ms` : describeExit(exitReasonOf(exit, said));
      resolve({ said, problem: exit.code === 0 ? undefined : `${command}: ${how}` });
    });
  });
}
