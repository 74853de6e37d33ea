/** `cepa ps`: the supervision tree as the root sees it, or as `/status` tells it where only a URL is known. */
import { ADMIN_TIMEOUT_MS, askAdmin } from "#cli/admin.ts";
import { columns, formatBytes, type Piece, paint, print, type Style } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findNode, findUrl, type NodeChoice, namesUrl } from "#cli/find-node.ts";
import { getText, refusalIn } from "#cli/http.ts";
import { type ActorLine, type CellLine, parseStatus, type TreeStatus } from "#cli/node-status.ts";
import { parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface PsOptions extends NodeChoice {
  readonly json?: boolean;
}

export async function ps(options: PsOptions): Promise<Outcome> {
  const status = await readStatus(options);
  if (!status.ok) return status;
  if (options.json === true) {
    const { cells, servers, actors, unavailable } = status.value;
    print(JSON.stringify({ cells, servers, actors, unavailable }));
  } else for (const line of columns(treeRows(status.value))) print(...line);
  return ok();
}

async function readStatus(options: NodeChoice): Promise<Outcome<TreeStatus>> {
  const said = namesUrl(options) ? await statusFromHttp(options) : await statusFromSocket(options);
  if (!said.ok) return said;
  const status = parseStatus(said.value);
  if (status === undefined) return fail({ code: "cli.bad-answer", message: "the answer shows no supervision tree" });
  return ok(status);
}

async function statusFromSocket(choice: NodeChoice): Promise<Outcome<unknown>> {
  const node = findNode(choice);
  return node.ok ? askAdmin(node.value, { command: "status" }) : node;
}

async function statusFromHttp(choice: NodeChoice): Promise<Outcome<unknown>> {
  const url = findUrl(choice);
  if (!url.ok) return url;
  const answer = await getText(`${url.value}/status`, ADMIN_TIMEOUT_MS);
  if (!answer.ok) return answer;
  return answer.value.status === 200 ? ok(parseJson(answer.value.body)) : fail(refusalIn(answer.value));
}

/** Cells in start order, each with its actors below it, then servers; what cannot run here comes last. */
export function treeRows(status: TreeStatus): readonly (readonly Piece[])[] {
  const rows: (readonly Piece[])[] = [];
  for (const cell of status.cells) {
    rows.push(cellRow(cell));
    const actors = status.actors.filter((actor) => actor.cell === cell.name);
    for (const [index, actor] of actors.entries()) rows.push(actorRow(actor, index === actors.length - 1));
  }
  for (const { name, state, pid, restarts, reason = "" } of status.servers) {
    rows.push([
      paint("bold", name),
      paint(styleOf(state), state),
      `pid ${pid}`,
      `restarts ${restarts}`,
      paint("yellow", reason),
    ]);
  }
  for (const { actor, reason } of status.unavailable) {
    rows.push([paint("dim", actor), paint("yellow", "unavailable"), reason]);
  }
  return rows;
}

function cellRow({ name, pid, state, restarts, residentBytes }: CellLine): readonly Piece[] {
  const memory = residentBytes > 0 ? formatBytes(residentBytes) : "";
  return [paint("bold", name), paint(styleOf(state), state), `pid ${pid}`, `restarts ${restarts}`, memory];
}

function actorRow(actor: ActorLine, last: boolean): readonly Piece[] {
  const { name, state, incarnation, restarts, mailbox, reason = "" } = actor;
  return [
    `${last ? "└─" : "├─"} ${name}`,
    paint(styleOf(state), state),
    `incarnation ${incarnation}`,
    `restarts ${restarts}`,
    `mailbox ${mailbox.depth}/${mailbox.capacity}`,
    paint("yellow", reason),
  ];
}

function styleOf(state: string): Style {
  if (state === "running" || state === "ready") return "green";
  return state === "quarantined" || state === "crashed" ? "red" : "yellow";
}
