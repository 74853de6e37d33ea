/**
 * The child's half of a measurement: a line in asks for a round, a line of JSON out answers; the end of input ends it.
 *
 * Rounds are asked for one at a time, so that arms take turns and never run beside each other.
 */
import { createInterface } from "node:readline";
import { AbsentPeer } from "#bench/peer-package.ts";

/** `prepare` sets up everything that is not to be measured. A peer that is not there is said, and is no error. */
export async function serveRounds(prepare: () => Promise<() => Promise<object>>): Promise<void> {
  try {
    const round = await prepare();
    say({ ready: true });
    for await (const _ of createInterface({ input: process.stdin })) say(await round());
  } catch (error) {
    if (!(error instanceof AbsentPeer)) throw error;
    say({ absent: error.message });
  }
  process.exit(0);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
