/** What must not outlive a bench, also one that is interrupted: its folders and its processes. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Removed with all that is in it. */
export class TemporaryFolder implements Disposable {
  readonly path: string;
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

  /** `prefix` is how its name begins. */
  constructor(parent: string, prefix: string) {
    this.path = mkdtempSync(join(parent, prefix));
    process.once("exit", this.#remove);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#remove);
    this.#remove();
  }
}

/** It is killed, where this process ends first; before the folders that it writes to are removed. */
export function killedAtExit<Child extends ChildProcess>(child: Child): Child {
  const kill = (): void => void child.kill("SIGKILL");
  process.prependOnceListener("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** A bench that is told to end leaves nothing behind either. */
export function exitOnSignals(): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}
