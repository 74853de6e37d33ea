/** The lines of the admin socket: one JSON object each way. Pure. */
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { FAILPOINT_TIMES_MAX } from "#runtime/failpoints.ts";
import type { ArmedFailpoint } from "#supervisor/wire.ts";

export type AdminCommand =
  | { readonly command: "status" }
  | { readonly command: "logs" }
  | { readonly command: "down" }
  | { readonly command: "kill" | "resume"; readonly kind: "actor" | "cell" | "server"; readonly name: string }
  /** Ends it when it next comes to a failpoint. */
  | ({ readonly command: "kill-at"; readonly actor: string } & ArmedFailpoint)
  | { readonly command: "letters"; readonly actor: string }
  | { readonly command: "replay"; readonly actor: string; readonly letter: number };

export interface AdminRequest {
  /** As it came; it is given back. */
  readonly id: string | number | null;
  readonly command: AdminCommand;
}

/** The line is no request. */
export interface BadRequest extends Failure<"supervisor.bad-request"> {
  readonly id: string | number | null;
  readonly message: string;
}

export function parseRequest(line: string): Result<AdminRequest, BadRequest> {
  const said = parseJson(line);
  if (typeof said !== "object" || said === null) return bad(null, "a request is one JSON object on a line");
  const id = "id" in said && (typeof said.id === "string" || typeof said.id === "number") ? said.id : null;
  const command = "command" in said ? said.command : undefined;
  switch (command) {
    case "status":
    case "logs":
    case "down":
      return ok({ id, command: { command } });
    case "kill":
    case "resume": {
      const { kind, name } = targetOf(said);
      if (kind === undefined || name === undefined) {
        return bad(id, "the target is actor/<name>, cell/<name> or server/<name>");
      }
      if (command === "resume" || !("at" in said)) return ok({ id, command: { command, kind, name } });
      if (kind !== "actor") return bad(id, "only an actor, actor/<name>, has failpoints");
      const failpoint = failpointOf(said);
      if (failpoint === undefined) return bad(id, FAILPOINT);
      return ok({ id, command: { command: "kill-at", actor: name, ...failpoint } });
    }
    case "letters":
    case "replay": {
      const { kind, name } = targetOf(said);
      if (kind !== "actor" || name === undefined) return bad(id, "the target is actor/<name>");
      if (command === "letters") return ok({ id, command: { command, actor: name } });
      const letter = "letter" in said ? said.letter : undefined;
      if (typeof letter !== "number" || !Number.isSafeInteger(letter) || letter < 1) {
        return bad(id, "the letter is its number");
      }
      return ok({ id, command: { command, actor: name, letter } });
    }
    default:
      return bad(id, "the command is status, logs, kill, resume, letters, replay or down");
  }
}

const FAILPOINT = `"at" is a failpoint, and "times" a whole number, 0 to ${FAILPOINT_TIMES_MAX}`;

function failpointOf(said: object): ArmedFailpoint | undefined {
  const failpoint = "at" in said ? said.at : undefined;
  const times = "times" in said ? said.times : 1;
  if (typeof failpoint !== "string" || typeof times !== "number") return undefined;
  if (!Number.isInteger(times) || times < 0 || times > FAILPOINT_TIMES_MAX) return undefined;
  return { failpoint, times };
}

type TargetKind = "actor" | "cell" | "server";

function targetOf(said: object): { readonly kind: TargetKind | undefined; readonly name: string | undefined } {
  const target = "target" in said && typeof said.target === "string" ? said.target : "";
  const [, kind, name] = /^(actor|cell|server)\/([a-z][a-z0-9-]{0,62})$/.exec(target) ?? [];
  return { kind: kind as TargetKind | undefined, name };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function bad(id: string | number | null, message: string): Result<never, BadRequest> {
  return fail({ code: "supervisor.bad-request", id, message });
}
