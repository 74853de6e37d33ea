/** How the supervision tree stands, read from an answer of the admin socket or of `/status`. */
import { count, records, text } from "#cli/fields.ts";
import { isRecord } from "#client/wire.ts";

export interface CellLine {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly residentBytes: number;
}

export interface ActorLine {
  readonly name: string;
  readonly cell: string;
  readonly state: string;
  readonly incarnation: number;
  readonly restarts: number;
  readonly mailbox: { readonly depth: number; readonly capacity: number };
  readonly reason?: string;
}

export interface ServerLine {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly reason?: string;
}

export interface TreeStatus {
  readonly cells: readonly CellLine[];
  readonly servers: readonly ServerLine[];
  readonly actors: readonly ActorLine[];
  readonly unavailable: readonly { readonly actor: string; readonly reason: string }[];
}

/** Undefined when `said` is no status. Looks into a field `status` too. A missing field reads as empty or 0. */
export function parseStatus(said: unknown): TreeStatus | undefined {
  if (!isRecord(said)) return undefined;
  if (!Array.isArray(said["cells"]) || !Array.isArray(said["actors"])) {
    return said["status"] === undefined ? undefined : parseStatus(said["status"]);
  }
  return {
    cells: records(said["cells"]).map((cell) => ({
      name: text(cell["name"]),
      pid: count(cell["pid"]),
      state: text(cell["state"]),
      restarts: count(cell["restarts"]),
      residentBytes: count(cell["residentBytes"]),
    })),
    servers: records(said["servers"]).map((server) => {
      const reason = text(server["reason"]);
      return {
        name: text(server["name"]),
        pid: count(server["pid"]),
        state: text(server["state"]),
        restarts: count(server["restarts"]),
        ...(reason === "" ? {} : { reason }),
      };
    }),
    actors: records(said["actors"]).map((actor) => {
      const mailbox = isRecord(actor["mailbox"]) ? actor["mailbox"] : {};
      const reason = text(actor["reason"]);
      return {
        name: text(actor["name"]),
        cell: text(actor["cell"]),
        state: text(actor["state"]),
        incarnation: count(actor["incarnation"]),
        restarts: count(actor["restarts"]),
        mailbox: { depth: count(mailbox["depth"]), capacity: count(mailbox["capacity"]) },
        ...(reason === "" ? {} : { reason }),
      };
    }),
    unavailable: records(said["unavailable"]).map((entry) => ({
      actor: text(entry["actor"]),
      reason: text(entry["reason"]),
    })),
  };
}
