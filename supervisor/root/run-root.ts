/** A whole node process: arguments in, exit code out. `main.ts` runs it on the real tree, tests on smaller ones. */
import { waitForCtrlC } from "#runtime/shutdown-signal.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { announcer } from "#supervisor/root/announcer.ts";
import type { CannotRun } from "#supervisor/root/cannot-run.ts";
import { parseOptions, USAGE, wantsJson } from "#supervisor/root/options.ts";
import { Root } from "#supervisor/root/root.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

export interface RootRun {
  readonly tree: NodeSpec;
  readonly args: readonly string[];
  readonly seams: RootSeams;
  readonly writeOut: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Every cell has had its first start. */
  readonly onStarted: () => void;
}

export async function runRoot({ tree, args, seams, writeOut, writeError, onStarted }: RootRun): Promise<void> {
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

  const options = parsed.value;
  const end = (failure: CannotRun | undefined): void => {
    if (failure !== undefined) said.announce({ event: "failed", ...failure });
    self.exit(failure === undefined ? 0 : 1);
  };
  const root = new Root({ tree, options, seams, announcer: said, onEnd: end });
  void waitForCtrlC(self).then(() => {
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
