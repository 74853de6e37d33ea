/**
 * What the node says on stdout: a line for people, or with `--json` one object. The shape of the ready line is a
 * contract that scripts rely on.
 */
import { unreachable } from "#runtime/errors.ts";

export type Announcement =
  | {
      readonly event: "ready";
      readonly http: string;
      readonly pid: number;
      readonly cells: Readonly<Record<string, number>>;
      readonly unavailable: readonly { readonly actor: string; readonly reason: string }[];
    }
  | { readonly event: "waiting"; readonly reasons: readonly string[] }
  | { readonly event: "crashed"; readonly service: string; readonly reason: string }
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
  | { readonly event: "config-updated"; readonly version: number }
  | { readonly event: "config-refused"; readonly by: string; readonly problem: string }
  | { readonly event: "shutting-down" }
  | { readonly event: "shutdown" };

export interface Announcer {
  announce(announcement: Announcement): void;
}

export function announcer(json: boolean, write: (line: string) => void): Announcer {
  return { announce: (announcement) => write(json ? JSON.stringify(announcement) : sentence(announcement)) };
}

function sentence(said: Announcement): string {
  switch (said.event) {
    case "ready": {
      const cells = Object.entries(said.cells).map(([name, pid]) => `${name} ${pid}`);
      const lines = [`ready: ${said.http}  (process ${said.pid}; ${cells.join(", ")})`];
      return [...lines, ...said.unavailable.map((one) => `unavailable: ${one.actor}: ${one.reason}`)].join("\n");
    }
    case "waiting":
      return `not ready yet: ${said.reasons.join("; ")}`;
    case "crashed":
      return `crashed: ${said.service} (${said.reason})`;
    case "restarted":
      return `restarted: ${said.child} (${said.reason}; ${said.restarts} so far)`;
    case "quarantined": {
      const kind = said.supervisor === "node" ? "cell" : "actor";
      return `quarantined: ${said.child} (${said.reason}); lift it with: cepa resume ${kind}/${said.child}`;
    }
    case "build-changed":
      return `${said.cell} does not start: ${said.problem}`;
    case "not-recorded":
      return `cannot write ${said.record} (${said.reason}): clients need --url ${said.http} until there is room`;
    case "recorded":
      return `${said.record} is written: clients find the node again`;
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
