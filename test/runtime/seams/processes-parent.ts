/** A real parent that is going to be killed: starts an echo child, or without a script a sleeping one, tells its pid, and waits. */
import { createRealProcesses } from "#runtime/real/processes.ts";

const { self, spawn } = createRealProcesses();
const [command = "", script = ""] = process.argv.slice(2);
const child = await spawn(
  script === ""
    ? { command, args: ["1000"], env: {}, channel: false, diesWithParent: true }
    : { command, args: [script, "orphan"], env: {}, channel: true },
);
self.onMessage(() => undefined);
self.send(child.ok ? child.value.pid : child.failure);
