/** Waiting for the operator to end the process (seed 003 §2.1 `wait_for_ctrl_c`). */
import type { ThisProcess } from "#runtime/processes.ts";

/** Settles at the first SIGINT or SIGTERM. */
export function waitForCtrlC(self: ThisProcess): Promise<void> {
  return new Promise((resolve) => {
    const undos = (["SIGINT", "SIGTERM"] as const).map((signal) =>
      self.onSignal(signal, () => {
        for (const undo of undos) undo();
        resolve();
      }),
    );
  });
}
