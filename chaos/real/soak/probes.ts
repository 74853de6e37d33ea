/** Asks the probes in the processes of a node (`probe.ts`) what they hold, once their garbage is collected. */
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type HeldByThread, PROBE_VARIABLE } from "#chaos/real/soak/probe.ts";
import { assert } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** Longest wait for a collection. */
const ANSWER_MS_MAX: number = 30 * second;
const ROOT = join(import.meta.dirname, "..", "..", "..", "supervisor", "main.ts");
const HOOK = pathToFileURL(join(import.meta.dirname, "probe.ts")).href;

export class Probes {
  readonly #folder: string;

  /** `folder` is for their sockets, and for nothing else. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * What comes to run the root of a node with a probe in it. It sets the environment itself: where this process has a hook that
   * hands its own on, what is said to `spawn` would be lost.
   */
  command(): readonly [string, ...string[]] {
    const options = `${process.env["NODE_OPTIONS"] ?? ""} --import=${HOOK}`.trim();
    return ["env", `NODE_OPTIONS=${options}`, `${PROBE_VARIABLE}=${this.#folder}`, process.execPath, ROOT];
  }

  /** Of all threads of the process. */
  async heldBy(pid: number): Promise<HeldByThread> {
    const sockets = readdirSync(this.#folder).filter((name) => name.startsWith(`${pid}.`));
    assert(sockets.length > 0, `process ${pid} has a probe`);
    const held: HeldByThread[] = [];
    for (const socket of sockets) held.push(await ask(join(this.#folder, socket)));
    const sum = (of: (one: HeldByThread) => number): number => held.reduce((total, one) => total + of(one), 0);
    return {
      heapBytes: sum(({ heapBytes }) => heapBytes),
      codeBytes: sum(({ codeBytes }) => codeBytes),
      externalBytes: sum(({ externalBytes }) => externalBytes),
    };
  }
}

async function ask(path: string): Promise<HeldByThread> {
  const socket = connect(path);
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
  socket.write("\n");
  let answer = "";
  for await (const bytes of socket) answer += String(bytes);
  assert(answer.endsWith("\n"), `${path} has answered`);
  return JSON.parse(answer) as HeldByThread;
}
