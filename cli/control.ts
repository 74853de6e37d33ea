/** `cepa kill`, `cepa resume` and `cepa down`: what the node's owner may do, over its admin socket. */
import { setTimeout as pause } from "node:timers/promises";
import { type AdminCommand, askAdmin } from "#cli/admin.ts";
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { exists, findNode, type NodeChoice } from "#cli/find-node.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Longest wait for a node to end after it said that it would: its own deadline is 10 s, and one for the way. */
export const DOWN_TIMEOUT_MS = 15_000;

const LOOK_INTERVAL_MS = 20;

/** `target` is `actor/<name>` or `cell/<name>`. */
export async function control(
  command: Extract<AdminCommand, "kill" | "resume">,
  target: string,
  options: NodeChoice,
): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  const answer = await askAdmin(node.value, { command, target });
  if (!answer.ok) return answer;
  print(command === "kill" ? `killed ${target}` : `resumed ${target}`);
  return ok();
}

/** Comes back when the node's root process is gone. */
export async function down(options: NodeChoice): Promise<Outcome> {
  const node = findNode(options);
  if (!node.ok) return node;
  const { pid } = node.value;
  const answer = await askAdmin(node.value, { command: "down" });
  // A node that is quick has closed its socket before the answer was read: its end is the answer.
  if (!answer.ok && answer.failure.code !== "cli.bad-answer") return answer;

  const deadlineMs = performance.now() + DOWN_TIMEOUT_MS;
  while (exists(pid)) {
    if (performance.now() > deadlineMs) {
      const message = `process ${pid} is still there after ${DOWN_TIMEOUT_MS / 1000} s; kill -9 ${pid} loses nothing`;
      return fail({ code: "cli.still-running", message: `${message} that was acknowledged` });
    }
    await pause(LOOK_INTERVAL_MS);
  }
  print("down");
  return ok();
}
