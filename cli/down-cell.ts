/** Why a node that runs does not answer over HTTP: its root, which is asked then, knows how the cell of the gateway is. */
import { askAdmin } from "#cli/admin.ts";
import type { CliFailure, NodeRefusal, Outcome } from "#cli/failure.ts";
import { findNode, type NodeChoice, namesUrl } from "#cli/find-node.ts";
import { type CellLine, parseStatus } from "#cli/node-status.ts";
import { fail } from "#runtime/errors.ts";

/** That nobody listens, not that an answer is late: as commands say it, and as the client does. */
const REFUSED = /nothing listens on|ECONNREFUSED/;

/** `failure`: no answer came. Where that is from a node on this machine whose cell is down, the message says so. */
export async function withDownCell(failure: CliFailure | NodeRefusal, choice: NodeChoice): Promise<Outcome<never>> {
  const node = namesUrl(choice) ? fail(failure) : findNode(choice);
  const answer = node.ok ? await askAdmin(node.value, { command: "status" }) : node;
  if (!node.ok || !answer.ok) return fail(failure);
  const status = parseStatus(answer.value);
  const gateway = status?.actors.find(({ name }) => name === "gateway");
  const cell = status?.cells.find(({ name }) => name === gateway?.cell);
  if (cell === undefined || (cell.pid > 0 && !REFUSED.test(failure.message))) return fail(failure);
  const { name, state } = cell;
  const { pid, url } = node.value;
  const message = `no answer from ${url}: process ${pid} runs, but its cell ${name} is ${state}${adviceFor(cell)}`;
  return fail({ code: "cli.unreachable", message });
}

function adviceFor({ name, pid, state }: CellLine): string {
  if (state === "quarantined") return `: cepa ps says why, and cepa resume cell/${name} starts it again`;
  // It has only just started, or that is not its address any more.
  if (pid > 0) return " and does not listen yet: try again, and cepa ps says how it is";
  return ": it comes back by itself, and cepa ps says how it is";
}
