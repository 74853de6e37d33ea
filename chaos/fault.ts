/**
 * What can go wrong, as data: what, when, for how long, and where. An executor brings it about, or says that it cannot.
 *
 * Times are whole milliseconds since the plan began, probabilities are ratios, and a field of one name means the same in
 * every kind.
 */
import type { Direction } from "#chaos/network/barrier.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import type { Ratio } from "#chaos/ratio.ts";

/** At one moment. */
interface Moment {
  readonly atMs: number;
}

/** From one moment on, and then healed. */
interface Stretch extends Moment {
  readonly forMs: number;
}

/** Operations of a disk that may fail. */
export const DISK_OPERATIONS = ["open", "read", "write", "sync", "truncate"] as const;
export type BreakableOperation = (typeof DISK_OPERATIONS)[number];

/** What they fail with in scenarios. */
export const DISK_ERRNOS = ["EIO", "ENOSPC", "EMFILE"] as const;
/** What they may fail with in a plan: also as one does that goes past the largest size of a file. */
export const PLAN_ERRNOS = ["EIO", "ENOSPC", "EMFILE", "EFBIG"] as const;
export type DiskErrno = (typeof PLAN_ERRNOS)[number];

export type Fault =
  /** An actor is ended as if it had crashed; its supervisor starts it again. */
  | (Moment & { readonly kind: "crash-actor"; readonly actor: string })
  /** The next `count` passes of a failpoint of an actor are crashes of it, as far as there are so many before it heals. */
  | (Stretch & {
      readonly kind: "panic";
      readonly actor: string;
      readonly failpoint: string;
      readonly count: number;
    })
  /** An operator lifts the quarantine of an actor. */
  | (Moment & { readonly kind: "resume-actor"; readonly actor: string })
  /** SIGKILL to the process of a cell. */
  | (Moment & { readonly kind: "kill-cell"; readonly cell: string })
  /** SIGSTOP to it, then SIGCONT. */
  | (Stretch & { readonly kind: "stop-cell"; readonly cell: string })
  /** Every process of the node is gone, and with `power` what the disk had not made durable. Started again after `forMs`. */
  | (Stretch & { readonly kind: "kill-node"; readonly power: boolean })
  | (Moment & { readonly kind: "kill-server"; readonly server: string })
  /** Nothing of an external server runs for a while, and nobody is told. */
  | (Stretch & { readonly kind: "stall-server"; readonly server: string })
  /** The link between the root and a cell is broken, and refused until it heals. */
  | (Stretch & { readonly kind: "cut-link"; readonly cell: string })
  /** What crosses it takes longer. */
  | (Stretch & { readonly kind: "slow-link"; readonly cell: string; readonly delayMs: number })
  /** Between clients and the node: requests and answers that never arrive, arrive late, or twice. */
  | (Stretch & {
      readonly kind: "bad-network";
      readonly loss: Ratio;
      readonly duplicate: Ratio;
      readonly delayMs: number;
      /** Up to so much is added to each delay, so that what was sent later arrives sooner. */
      readonly jitterMs: number;
    })
  /** Nothing passes between these groups of clients and the node: A|B with one of them, A|B|C with two. */
  | (Stretch & { readonly kind: "partition"; readonly groups: readonly ClientGroup[] })
  /** The same in one direction: what they send does not arrive, or what they are answered. */
  | (Stretch & { readonly kind: "one-way-cut"; readonly groups: readonly ClientGroup[]; readonly lost: Direction })
  /** So many bytes a second pass between clients and the node, each way. */
  | (Stretch & { readonly kind: "narrow-network"; readonly bytesPerSecond: number })
  /** Some of what is sent is held back for so long, and overtaken. */
  | (Stretch & { readonly kind: "reordered-network"; readonly reorder: Ratio; readonly delayMs: number })
  /** Some connections between clients and the node are reset in the middle of what they carry. */
  | (Stretch & { readonly kind: "broken-connections"; readonly breaks: Ratio })
  /** The next `count` operations of one kind fail, as far as there are so many before it heals. */
  | (Stretch & {
      readonly kind: "disk-error";
      readonly operation: BreakableOperation;
      readonly errno: DiskErrno;
      readonly count: number;
    })
  /** The next `count` writes take only a part of what they are given, as far as there are so many before it heals. */
  | (Stretch & { readonly kind: "short-write"; readonly errno: DiskErrno; readonly count: number })
  /** The power goes in the middle of a write, of which a part is there afterwards. Started again after `forMs`. */
  | (Stretch & { readonly kind: "torn-write" })
  /** Bits of so many records of the store flip where they lie. */
  | (Moment & { readonly kind: "bit-flip"; readonly count: number })
  /** As `kill-node`, right before the `number`th operation of one kind from then on. */
  | (Stretch & {
      readonly kind: "kill-at-operation";
      readonly operation: BreakableOperation;
      readonly number: number;
      readonly power: boolean;
    })
  | (Stretch & { readonly kind: "disk-slow"; readonly delayMs: number })
  /** So many bytes more are taken, and then no more. */
  | (Stretch & { readonly kind: "disk-full"; readonly freeBytes: number })
  /** The wall clock jumps, forwards or backwards; the monotonic one does not. */
  | (Moment & { readonly kind: "clock-jump"; readonly byMs: number })
  /** The wall clock gains so many ms in each second, or below 0 falls behind. What it has gained by the end stays. */
  | (Stretch & { readonly kind: "clock-drift"; readonly gainMs: number })
  /** The event loop of a cell stands still; its other threads, its disk and everybody else go on. */
  | (Stretch & { readonly kind: "cpu-stall"; readonly cell: string })
  /** A cell gets so many bytes of memory more, and then no more: the system takes back what it can, or ends it. */
  | (Stretch & { readonly kind: "memory-pressure"; readonly cell: string; readonly freeBytes: number })
  /** The configuration file is written anew, with one setting changed, so that the node reads it again. */
  | (Stretch & { readonly kind: "change-config"; readonly config: string });

export type FaultKind = Fault["kind"];
export type FaultOf<Kind extends FaultKind> = Extract<Fault, { readonly kind: Kind }>;

/** Whether every process of the node is gone with it. */
export function endsNode({ kind }: Fault): boolean {
  return kind === "kill-node" || kind === "torn-write" || kind === "kill-at-operation";
}

/** Whether the power goes with it, and what the disk had not made durable. */
export function cutsPower(fault: Fault): boolean {
  return fault.kind === "torn-write" || ("power" in fault && fault.power);
}

/** Of the network between clients and the node. */
export const NETWORK_KINDS: ReadonlySet<FaultKind> = new Set([
  "bad-network",
  "partition",
  "one-way-cut",
  "narrow-network",
  "reordered-network",
  "broken-connections",
] satisfies readonly FaultKind[]);

/** Whom alone it touches; undefined where that is the node. */
export function groupsOf(fault: Fault): readonly ClientGroup[] | undefined {
  return "groups" in fault ? fault.groups : undefined;
}

/** How long it lasts, ms; 0 for a moment. */
export function lastsMs(fault: Fault): number {
  return "forMs" in fault ? fault.forMs : 0;
}

/** In a few words, for people: `kill-cell data`. */
export function titleOf(fault: Fault): string {
  const { kind, atMs, ...rest } = fault;
  const details = Object.entries(rest)
    .filter(([name]) => name !== "forMs" && name !== "config")
    .map(([name, value]) => {
      if (Array.isArray(value)) return `${name} ${value.join("/")}`;
      return name === "cell" || name === "actor" || name === "server" ? `${value}` : `${name} ${value}`;
    });
  const lasting = lastsMs(fault) > 0 ? [`for ${lastsMs(fault)} ms`] : [];
  return [kind, ...details, ...lasting].join(" ").replaceAll(/\s+/g, " ");
}
