/** A whole node process: arguments in, exit code out. `main.ts` runs it on the real tree, tests on smaller ones. */
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { announcer } from "#supervisor/root/announcer.ts";
import { parseOptions, USAGE } from "#supervisor/root/options.ts";
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
  const parsed = parseOptions(args, self.env);
  if (!parsed.ok) {
    writeError(`cepa: ${parsed.failure.message}`);
    return self.exit(2);
  }
  if (parsed.value === "help") {
    writeOut(USAGE);
    return self.exit(0);
  }

  const options = parsed.value;
  const end = (code: number, message: string | undefined): void => {
    if (message !== undefined) writeError(`cepa: ${message}`);
    self.exit(code);
  };
  const root = new Root({ tree, options, seams, announcer: announcer(options.json, writeOut), onEnd: end });
  let signalCount = 0;
  const onSignal = (): void => {
    signalCount += 1;
    void (signalCount === 1 ? root.down() : root.killNow());
  };
  self.onSignal("SIGINT", onSignal);
  self.onSignal("SIGTERM", onSignal);
  self.onSignal("SIGHUP", () => root.reload());

  const started = await root.start();
  if (started.ok) {
    onStarted();
    return;
  }
  await root.cleanUp();
  end(1, started.failure.message);
}
