/**
 * One question to a node's admin socket, and its answer: a line of JSON each way.
 *
 * The socket lies in the node's own 0700 directory, so whoever can open it may do everything.
 */
import { connect } from "node:net";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import type { NodeRecord } from "#cli/find-node.ts";
import { isRecord, parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Longest answer. A status of a thousand actors is far below. */
export const ADMIN_ANSWER_BYTES_MAX: number = 4 * MiB;

export type AdminCommand = "status" | "kill" | "resume" | "down";

export interface AdminRequest {
  readonly command: AdminCommand;
  /** `actor/<name>` or `cell/<name>`, for `kill` and `resume`. */
  readonly target?: string;
}

/** Answers with every field of the node's answer, unchecked. */
export function askAdmin(node: NodeRecord, request: AdminRequest): Promise<Outcome<Readonly<Record<string, unknown>>>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<Readonly<Record<string, unknown>>>>();
  const socket = connect(node.adminSocket);
  let received = "";

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
  socket.on("close", () =>
    resolve(fail({ code: "cli.bad-answer", message: `process ${node.pid} closed its admin socket without an answer` })),
  );
  return promise;
}

function readAnswer(line: string): Outcome<Readonly<Record<string, unknown>>> {
  const said = parseJson(line);
  if (isRecord(said) && said["ok"] === true) return ok(said);
  if (isRecord(said) && typeof said["code"] === "string") {
    return fail({ code: said["code"], message: typeof said["message"] === "string" ? said["message"] : "" });
  }
  return fail({ code: "cli.bad-answer", message: "the admin socket answered with something else than an answer" });
}

function failureOf(error: Error, node: NodeRecord): { code: "cli.unreachable" | "cli.not-running"; message: string } {
  const errno = errnoOf(error);
  if (errno === "ECONNREFUSED" || errno === "ENOENT") {
    return {
      code: "cli.not-running",
      message: `no node answers on ${node.adminSocket} (process ${node.pid}): start one with ./cepa up`,
    };
  }
  const hint = errno === "EACCES" ? `: run this as the user who started the node` : "";
  return { code: "cli.unreachable", message: `cannot ask process ${node.pid}: ${reasonOf(error)}${hint}` };
}
