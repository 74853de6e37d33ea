/**
 * One question to a node's admin socket, and its answer: a line of JSON each way.
 *
 * The socket lies in the node's own 0700 directory, so whoever can open it may do everything.
 */
import { connect } from "node:net";
import { type CliFailure, errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { holdsLock, lostByKill, type NodeRecord } from "#cli/find-node.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB, second } from "#runtime/units.ts";

/** Longest answer. A status of a thousand actors is far below. */
export const ADMIN_ANSWER_BYTES_MAX: number = 4 * MiB;

/** Longest wait for an answer. A root that works answers within milliseconds. */
export const ADMIN_TIMEOUT_MS: number = 5 * second;
/** The same for `down`, answered when all has stopped: the node's own deadline is 10 s. `cepa down` takes no longer. */
export const DOWN_TIMEOUT_MS: number = 15 * second;

export type AdminCommand = "status" | "logs" | "kill" | "resume" | "letters" | "replay" | "down";

export interface AdminRequest {
  readonly command: AdminCommand;
  /** `actor/<name>` or `cell/<name>`, for all that is about one of them. */
  readonly target?: string;
  /** For `kill`: the failpoint at which it is to be, and how often. */
  readonly at?: string;
  readonly times?: number;
  /** For `replay`. */
  readonly letter?: number;
}

/** Answers with every field of the node's answer, unchecked. */
export function askAdmin(node: NodeRecord, request: AdminRequest): Promise<Outcome<Readonly<Record<string, unknown>>>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<Readonly<Record<string, unknown>>>>();
  const socket = connect(node.adminSocket);
  const timeoutMs = request.command === "down" ? DOWN_TIMEOUT_MS : ADMIN_TIMEOUT_MS;
  let received = "";

  const timer = setTimeout(() => {
    resolve(fail(noAnswer(node, request, timeoutMs)));
    socket.destroy();
  }, timeoutMs);
  socket.setEncoding("utf8");
  socket.on("connect", () => socket.write(`${JSON.stringify({ id: 1, ...request })}\n`));
  socket.on("data", (text: string) => {
    received += text;
    const end = received.indexOf("\n");
    if (end < 0 && received.length <= ADMIN_ANSWER_BYTES_MAX) return;
    resolve(readAnswer(received.slice(0, end)));
    socket.destroy();
  });
  socket.on("error", (error) => resolve(fail(failureOf(error, node))));
  // Without effect when an answer or an error came before.
  socket.on("close", () => resolve(fail(closed(node))));
  return promise.finally(() => clearTimeout(timer));
}

function readAnswer(line: string): Outcome<Readonly<Record<string, unknown>>> {
  const said = parseJson(line);
  if (isRecord(said) && said["ok"] === true) return ok(said);
  if (isRecord(said) && typeof said["code"] === "string") {
    return fail({ code: said["code"], message: typeof said["message"] === "string" ? said["message"] : "" });
  }
  return fail({ code: "cli.bad-answer", message: "the admin socket answered with something else than an answer" });
}

/** What was asked lies in the socket: a root that was only stopped reads it when it goes on. */
function noAnswer(node: NodeRecord, { command }: AdminRequest, timeoutMs: number): CliFailure {
  const { pid } = node;
  const later = ["status", "logs", "letters"].includes(command) ? "" : ` and may still do it (${command})`;
  const advice = `it is stopped or overloaded${later}; kill -9 ${pid} ${lostByKill(node)}`;
  return { code: "cli.no-answer", message: `process ${pid} has not answered for ${timeoutMs / second} s: ${advice}` };
}

function closed({ pid }: NodeRecord): CliFailure {
  return { code: "cli.bad-answer", message: `process ${pid} closed its admin socket without an answer` };
}

function failureOf(error: Error, node: NodeRecord): CliFailure {
  const { adminSocket, pid } = node;
  const errno = errnoOf(error);
  if (errno === "EPIPE" || errno === "ECONNRESET") return closed(node);
  if (errno === "ECONNREFUSED" || errno === "ENOENT") {
    if (holdsLock(node)) {
      const message = `process ${pid} runs but its admin socket ${adminSocket} is gone: retry in a moment, it is made again`;
      return { code: "cli.socket-gone", message };
    }
    const message = `no node answers on ${adminSocket} (process ${pid}): start one with ./cepa up`;
    return { code: "cli.not-running", message };
  }
  const hint = errno === "EACCES" ? ": run this as the user who started the node" : "";
  return { code: "cli.unreachable", message: `cannot ask process ${pid}: ${reasonOf(error)}${hint}` };
}
