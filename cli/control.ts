/** `cepa kill`, `cepa resume` and `cepa down`: what the node's owner may do, over its admin socket. */
import { setTimeout as pause } from "node:timers/promises";
import { askAdmin, DOWN_TIMEOUT_MS } from "#cli/admin.ts";
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { exists, findNode, lostByKill, type NodeChoice, type NodeRecord } from "#cli/find-node.ts";
import { fail, ok } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

const LOOK_INTERVAL_MS = 20;
/** Longest wait for a socket that is gone: the node makes it again, or is on its way down and ends. */
export const SOCKET_WAIT_MS: number = 5 * second;

export interface ControlOptions extends NodeChoice {
  readonly json?: boolean;
}

/** Of the node's owner, about one part of it. */
export interface Order {
  readonly command: "kill" | "resume";
  /** `actor/<name>`, `cell/<name>` or `server/<name>`. */
  readonly target: string;
  /** Of an actor that is killed: the failpoint where it is to be, and how often; 0: no more. */
  readonly at?: string;
  readonly times?: number;
}

export async function control(order: Order, options: ControlOptions): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  const answer = await askAdmin(node.value, order);
  if (!answer.ok) return answer;
  print(options.json === true ? JSON.stringify(order) : sentenceOf(order));
  return ok();
}

function sentenceOf({ command, target, at, times }: Order): string {
  if (command === "resume") return `resumed ${target}`;
  if (at === undefined) return `killed ${target}`;
  if (times === 0) return `${target} ends at ${at} no more`;
  return `${target} ends the next ${times === 1 ? "time" : `${times} times`} it comes to ${at}`;
}

/** Comes back when the node's root process has ended, whether or not somebody reaped it. */
export async function down(options: ControlOptions): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  const { pid } = node.value;
  const deadlineMs = performance.now() + DOWN_TIMEOUT_MS;
  const answer = await askDown(node.value);
  // A node that is quick has closed its socket before the answer was read: its end is the answer.
  if (!answer.ok && answer.failure.code !== "cli.bad-answer" && exists(pid)) return answer;

  while (exists(pid)) {
    if (performance.now() > deadlineMs) {
      const advice = `kill -9 ${pid} ${lostByKill(node.value)}`;
      const message = `process ${pid} is still there after ${DOWN_TIMEOUT_MS / second} s; ${advice}`;
      return fail({ code: "cli.still-running", message });
    }
    await pause(LOOK_INTERVAL_MS);
  }
  print(options.json === true ? JSON.stringify({ command: "down", pid }) : "down");
  return ok();
}

async function askDown(node: NodeRecord): Promise<Outcome<unknown>> {
  const deadlineMs = performance.now() + SOCKET_WAIT_MS;
  for (;;) {
    const answer = await askAdmin(node, { command: "down" });
    const isGone = !answer.ok && answer.failure.code === "cli.socket-gone";
    if (!isGone || performance.now() > deadlineMs) return answer;
    await pause(LOOK_INTERVAL_MS);
  }
}
