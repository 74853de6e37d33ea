/** A whole node process: arguments in, exit code out. `main.ts` runs it on the real tree, tests on smaller ones. */
import { waitForCtrlC } from "#runtime/shutdown-signal.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { moveToMemory } from "#supervisor/root/amnesia.ts";
import { announcer } from "#supervisor/root/announcer.ts";
import type { CannotRun } from "#supervisor/root/cannot-run.ts";
import type { Machine } from "#supervisor/root/machine.ts";
import { parseOptions, USAGE, wantsJson } from "#supervisor/root/options.ts";
import { Root } from "#supervisor/root/root.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

export interface RootRun {
  readonly tree: NodeSpec;
  readonly args: readonly string[];
  readonly seams: RootSeams;
  readonly machine: Machine;
  readonly writeOut: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Every cell has had its first start. */
  readonly onStarted: () => void;
}

export async function runRoot(settings: RootRun): Promise<void> {
  const { tree, args, seams, machine, writeOut, writeError, onStarted } = settings;
  const { self } = seams.base.processes;
  const said = announcer(wantsJson(args), { writeOut, writeError });
  const parsed = parseOptions(args, self.env);
  if (!parsed.ok) {
    said.announce({ event: "failed", ...parsed.failure });
    return self.exit(2);
  }
  if (parsed.value === "help") {
    writeOut(USAGE);
    return self.exit(0);
  }

  const end = (failure: CannotRun | undefined): void => {
    if (failure !== undefined) said.announce({ event: "failed", ...failure });
    self.exit(failure === undefined ? 0 : 1);
  };
  // Asked to end while it is only on its way: then as soon as there is a root.
  const asked = waitForCtrlC(self);
  const moved = await moveToMemory(parsed.value, { seams, machine, tree, args });
  if (!moved.ok) return end(moved.failure);
  const root = new Root({ tree, options: moved.value, seams, announcer: said, onEnd: end });
  void asked.then(() => {
    void waitForCtrlC(self).then(() => root.killNow());
    return root.down();
  });
  self.onSignal("SIGHUP", () => root.reload());

  const started = await root.start();
  if (started.ok) {
    onStarted();
    return;
  }
  await root.cleanUp();
  end(started.failure);
}
