/**
 * What the root and a cell say to each other over the cell's channel: control only, never a user's message.
 *
 * Both ends are started from the same files by the same root, so a message is recognised by its `kind` and otherwise
 * believed; one without a known `kind` is dropped.
 */
import type { ActorStatus, NodeAddresses, NodeStatus } from "#runtime/actor-module.ts";
import type { ConfigSnapshot } from "#runtime/config/snapshot.ts";
import type { KernelEvent } from "#runtime/kernel-event.ts";
import type { MetricDelta } from "#runtime/telemetry/metrics.ts";
import type { CellEvent } from "#supervisor/events.ts";
import type { Profile } from "#supervisor/placement.ts";
import type { Urls } from "#supervisor/server/urls.ts";

/** Time between two beats of a cell. */
export const HEARTBEAT_MS = 1000;

/** Everything that a cell has to know to begin. */
export interface CellFacts {
  readonly cell: string;
  readonly profile: Profile;
  readonly dataDirectory: string;
  /** See `takeMark`. */
  readonly dataMark: string | undefined;
  /** Where the sockets are. */
  readonly runDirectory: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly insecurePublic: boolean;
  /** See `NodeFacts`. The cell then logs to the root, which has a ring for the lines of all. */
  readonly amnesia: boolean;
  /** Where the servers are that its actors may work with. */
  readonly servers: Urls;
  /** Where actors said last that they answer. */
  readonly addresses: NodeAddresses;
  readonly version: string;
  /** A cell of another build does not begin, and does not link. */
  readonly buildId: string;
  /** Threads of the CPU pool; 0 where the cell has none. */
  readonly cpuThreads: number;
  readonly config: ConfigSnapshot;
  readonly status: NodeStatus;
}

/** Root → cell. */
export type Order =
  | { readonly kind: "begin"; readonly facts: CellFacts }
  | { readonly kind: "config-offer"; readonly config: ConfigSnapshot }
  | { readonly kind: "config-commit"; readonly version: number }
  | { readonly kind: "node-status"; readonly status: NodeStatus }
  | { readonly kind: "relay"; readonly event: KernelEvent }
  | ({ readonly id: number } & ActorCommand)
  /** Deltas of the root, for the cell that hosts telemetry. */
  | { readonly kind: "root-metrics"; readonly deltas: readonly MetricDelta[] }
  /** The sockets of the cells were removed. */
  | { readonly kind: "listen-again" }
  | { readonly kind: "drain"; readonly withinMs: number }
  /** After `drained`: nothing is left to say. */
  | { readonly kind: "leave" };

/** A failpoint that is to throw at its next `times` passes; 0 disarms it. */
export interface ArmedFailpoint {
  readonly failpoint: string;
  readonly times: number;
}

/** What an operator wants of an actor. */
export type ActorCommand =
  | { readonly kind: "kill-actor" | "resume-actor" | "list-letters"; readonly actor: string }
  | ({ readonly kind: "arm-failpoint"; readonly actor: string } & ArmedFailpoint)
  | { readonly kind: "replay-letter"; readonly actor: string; readonly letter: number };

/** Cell → root. */
export type Report =
  | { readonly kind: "hello"; readonly cell: string }
  /** Before `started`. */
  | { readonly kind: "listens"; readonly addresses: NodeAddresses }
  /** Every actor has come up, or has failed once and is being dealt with. */
  | { readonly kind: "started" }
  /** The cell cannot begin: its configuration, its wiring or its place is wrong, or its sources are not those of the root. */
  | {
      readonly kind: "failed";
      readonly cause: "config" | "defect" | "build-changed" | "place";
      readonly message: string;
    }
  | { readonly kind: "beat"; readonly loopDelayMs: number; readonly residentBytes: number }
  | { readonly kind: "status"; readonly actors: readonly ActorStatus[] }
  /** `problem` when the offer is refused. */
  | { readonly kind: "config-answer"; readonly version: number; readonly problem: string | undefined }
  | { readonly kind: "event"; readonly event: CellEvent }
  /** In amnesia mode: a line of the log, with its line end. */
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "answer"; readonly id: number; readonly answer: CommandAnswer }
  | { readonly kind: "drained" };

/** What came of a command, ready for the admin socket: a refusal, or the fields of an answer. */
export type CommandAnswer =
  | { readonly refusal: Refusal }
  | { readonly refusal?: undefined; readonly fields: Readonly<Record<string, unknown>> };

/** It was done, and there is nothing more to say. */
export const DONE: CommandAnswer = { fields: {} };

/** A refused command. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

const ORDERS: ReadonlySet<unknown> = new Set<Order["kind"]>([
  "begin",
  "config-offer",
  "config-commit",
  "node-status",
  "relay",
  "kill-actor",
  "arm-failpoint",
  "resume-actor",
  "list-letters",
  "replay-letter",
  "root-metrics",
  "listen-again",
  "drain",
  "leave",
]);
const REPORTS: ReadonlySet<unknown> = new Set<Report["kind"]>([
  "hello",
  "listens",
  "started",
  "failed",
  "beat",
  "status",
  "config-answer",
  "event",
  "log",
  "answer",
  "drained",
]);

export function parseOrder(message: unknown): Order | undefined {
  return ORDERS.has(kindOf(message)) ? (message as Order) : undefined;
}

export function parseReport(message: unknown): Report | undefined {
  return REPORTS.has(kindOf(message)) ? (message as Report) : undefined;
}

function kindOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "kind" in message ? message.kind : undefined;
}
