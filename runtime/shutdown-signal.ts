/** Waiting for the operator to end the process (seed 003 §2.1 `wait_for_ctrl_c`). */
import type { ThisProcess } from "#runtime/processes.ts";

/**
 * Settles at the first SIGINT or SIGTERM. Whoever waits again as soon as it has settled misses none; when nobody does,
 * the next signal does what it does by default: it ends the process.
 */
export function waitForCtrlC(self: ThisProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const undos = (["SIGINT", "SIGTERM"] as const).map((signal) => self.onSignal(signal, resolve));
  const undo = (): void => {
    for (const each of undos) each();
  };
  // One turn behind the waiters: the next wait has begun before this one lets go, so no signal meets no listener.
  void promise.then(() => undefined).then(undo);
  return promise;
}
