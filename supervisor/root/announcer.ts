/**
 * What the node says on stdout: a line for people, or with `--json` one object. The shapes of the lines `ready` and
 * `failed` are a contract that scripts rely on.
 *
 * Why a node does not run goes to stderr, and with `--json` to stdout as well.
 */
import type { NodeAddresses } from "#runtime/actor-module.ts";
import { unreachable } from "#runtime/errors.ts";
import { SERVERS, type ServerName } from "#supervisor/child-spec.ts";
import { lineOf } from "#supervisor/root/cannot-run.ts";

/** Where a node answers, and what it works with. */
export interface Address extends Readonly<Partial<Record<ServerName, string>>>, NodeAddresses {
  readonly http: string;
  readonly pid: number;
  /** In amnesia mode: the directory in memory that everything is in. */
  readonly amnesia?: string;
}

export type Announcement =
  | (Address & {
      readonly event: "ready";
      readonly cells: Readonly<Record<string, number>>;
      readonly unavailable: readonly { readonly actor: string; readonly reason: string }[];
    })
  | { readonly event: "waiting"; readonly reasons: readonly string[] }
  /** `detail`: of a server, what it said, or what a person can do. */
  | { readonly event: "crashed"; readonly service: string; readonly reason: string; readonly detail?: string }
  | {
      readonly event: "restarted";
      readonly child: string;
      readonly supervisor: string;
      readonly restarts: number;
      readonly reason: string;
    }
  | { readonly event: "quarantined"; readonly child: string; readonly supervisor: string; readonly reason: string }
  | { readonly event: "build-changed"; readonly cell: string; readonly problem: string }
  | { readonly event: "not-recorded"; readonly http: string; readonly record: string; readonly reason: string }
  | { readonly event: "recorded"; readonly record: string }
  /** Somebody removed it under the running node. */
  | { readonly event: "restored"; readonly path: string }
  | { readonly event: "config-updated"; readonly version: number }
  | { readonly event: "config-refused"; readonly by: string; readonly problem: string }
  | { readonly event: "shutting-down" }
  | { readonly event: "shutdown" }
  /** The last word of a node that could not start, or did not end in good order. */
  | { readonly event: "failed"; readonly code: string; readonly message: string };

export interface Announcer {
  announce(announcement: Announcement): void;
}

export interface Writers {
  readonly writeOut: (line: string) => void;
  readonly writeError: (line: string) => void;
}

export function announcer(json: boolean, { writeOut, writeError }: Writers): Announcer {
  return {
    announce: (said) => {
      if (said.event === "failed") writeError(`cepa: ${lineOf(said)}`);
      if (json) writeOut(JSON.stringify(said));
      else if (said.event !== "failed") writeOut(sentence(said));
    },
  };
}

function sentence(said: Exclude<Announcement, { readonly event: "failed" }>): string {
  switch (said.event) {
    case "ready": {
      const cells = Object.entries(said.cells).map(([name, pid]) => `${name} ${pid}`);
      const lines = [`ready: ${said.http}  (process ${said.pid}; ${cells.join(", ")})`];
      for (const server of SERVERS) {
        if (said[server] !== undefined) lines.push(`${server}: ${said[server]}`);
      }
      if (said.admin !== undefined) lines.push(`admin: ${said.admin}`);
      if (said.amnesia !== undefined) lines.push(`amnesia: all is in memory (${said.amnesia}), and gone at the end`);
      return [...lines, ...said.unavailable.map((one) => `unavailable: ${one.actor}: ${one.reason}`)].join("\n");
    }
    case "waiting":
      return `not ready yet: ${said.reasons.join("; ")}`;
    case "crashed":
      return `crashed: ${said.service} (${said.reason}${said.detail === undefined ? "" : `: ${said.detail}`})`;
    case "restarted":
      return `restarted: ${said.child} (${said.reason}; ${said.restarts} so far)`;
    case "quarantined": {
      const isServer = SERVERS.some((name) => name === said.child);
      const kind = said.supervisor !== "node" ? "actor" : isServer ? "server" : "cell";
      return `quarantined: ${said.child} (${said.reason}); lift it with: cepa resume ${kind}/${said.child}`;
    }
    case "build-changed":
      return `${said.cell} does not start: ${said.problem}`;
    case "not-recorded":
      return `cannot write ${said.record} (${said.reason}): clients need --url ${said.http} until there is room`;
    case "recorded":
      return `${said.record} is written: clients find the node again`;
    case "restored":
      return `${said.path} was removed while the node runs: it is there again`;
    case "config-updated":
      return `configuration: version ${said.version} is in force`;
    case "config-refused":
      return `configuration: refused by ${said.by}: ${said.problem}; the one before stays in force`;
    case "shutting-down":
      return "shutting down ...";
    case "shutdown":
      return "shut down";
    default:
      return unreachable(said);
  }
}
