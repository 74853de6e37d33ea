/**
 * Another cell, as callers here see it: one link to it, made again whenever it is lost.
 *
 * While there is no link, or no credit on it for their target, calls wait in line, first come, first served, each until
 * its own deadline. Without a link for `LINK_PATIENCE_MS` all of them fail, and later ones at once, until it is back.
 */
import type { Timer } from "#runtime/clock.ts";
import { doubled } from "#runtime/doubled.ts";
import { Caller, downSoon, noConnection } from "#runtime/link/caller.ts";
import {
  LINK_BACKOFF_MS_MAX,
  LINK_BACKOFF_MS_MIN,
  LINK_MONITORS_MAX,
  LINK_PATIENCE_MS,
  LINK_STABLE_MS,
} from "#runtime/link/limits.ts";
import { Link } from "#runtime/link/link.ts";
import type { LinkContext } from "#runtime/link/link-context.ts";
import type { CallHolder, RemoteCall } from "#runtime/link/remote-call.ts";
import { Target } from "#runtime/link/target.ts";
import { WaitingCalls } from "#runtime/link/waiting-calls.ts";
import type { Network, SocketAddress } from "#runtime/network/network.ts";
import type { CastOutcome, Down } from "#runtime/ref.ts";
import { surface } from "#runtime/scheduler.ts";

export interface PeerOptions {
  readonly cell: string;
  readonly context: LinkContext;
  readonly network: Network;
  readonly socketOf: () => SocketAddress | undefined;
}

/** A monitor that was asked for while there was no link. */
interface WaitingMonitor {
  readonly actor: string;
  readonly onDown: (down: Down) => void;
  /** Undo of the monitor on the link, once it is there. */
  undo: (() => void) | undefined;
}

export class Peer implements CallHolder {
  readonly #options: PeerOptions;
  /** By actor; one for each that a ref was asked for. */
  readonly #targets = new Map<string, Target>();
  readonly #waiting: WaitingCalls;
  readonly #waitingMonitors = new Set<WaitingMonitor>();
  /** The link that is there or being made. */
  #link: Link | undefined;
  /** Set while the link is up. */
  #caller: Caller | undefined;
  #upSinceMs = 0;
  #attemptCount = 0;
  #retry: Timer | undefined;
  #patience: Timer | undefined;
  #isClosed = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#waiting = new WaitingCalls(options.context.limits.callsWaitingMax);
    this.#patience = options.context.clock.after(LINK_PATIENCE_MS, this.#giveUp);
    void this.#connect();
  }

  get isConnected(): boolean {
    return this.#caller !== undefined;
  }

  target(actor: string): Target {
    const target = this.#targets.get(actor) ?? new Target(actor);
    this.#targets.set(actor, target);
    return target;
  }

  call(call: RemoteCall): void {
    if (!call.begin()) return;
    const caller = this.#caller;
    const { actor } = call;
    // With room there is nobody in the target's line to overtake.
    if (caller?.hasRoomFor(call) === true) {
      caller.send(call);
      return;
    }
    if (caller === undefined && this.#patience === undefined) {
      call.fail({ code: "runtime.not-connected", actor, executed: "no" });
      return;
    }
    const isInLine = (caller === undefined || call.waits) && this.#waiting.add(call);
    if (isInLine) call.holder = this;
    else this.#reject(call);
  }

  cast(actor: string, name: string, request: unknown): CastOutcome {
    const caller = this.#caller;
    if (caller === undefined) return "stopped";
    if (caller.cast(actor, name, request)) return "accepted";
    this.#options.context.metrics.rejected.add(1, { reason: "link-credit" });
    return "rejected";
  }

  /** What `onDown` throws is its own defect: the link and the other monitors go on. */
  monitor(actor: string, tell: (down: Down) => void): () => void {
    const { scheduler } = this.#options.context;
    const onDown = (down: Down): void => {
      try {
        tell(down);
      } catch (defect) {
        surface(defect, scheduler);
      }
    };
    if (this.#caller !== undefined) return this.#caller.monitor(actor, onDown);
    if (this.#patience === undefined || this.#waitingMonitors.size >= LINK_MONITORS_MAX) {
      return downSoon(actor, onDown, scheduler);
    }
    const monitor: WaitingMonitor = { actor, onDown, undo: undefined };
    this.#waitingMonitors.add(monitor);
    return () => {
      this.#waitingMonitors.delete(monitor);
      monitor.undo?.();
    };
  }

  /** For a waiting call that ended by itself. */
  forget(call: RemoteCall): void {
    this.#waiting.remove(call);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#patience?.cancel();
    this.#link?.end("shutdown");
    this.#giveUp();
  }

  async #connect(): Promise<void> {
    this.#retry = undefined;
    const { context, network, socketOf, cell } = this.#options;
    const address = socketOf();
    if (address === undefined) return this.#retryLater();

    const link = new Link({
      context,
      side: "connecting",
      to: cell,
      role: (own) =>
        new Caller(own, context, {
          onUp: (caller) => this.#up(caller),
          onCredit: () => this.#admit(),
          onEnd: () => this.#down(),
        }),
    });
    this.#link = link;
    const connected = await network.connect(address, link);
    if (connected.ok) link.attach(connected.value);
    else link.end("unreachable");
  }

  #up(caller: Caller): void {
    this.#caller = caller;
    this.#upSinceMs = this.#options.context.clock.nowMs();
    this.#patience?.cancel();
    this.#patience = undefined;
    for (const monitor of this.#waitingMonitors) monitor.undo = caller.monitor(monitor.actor, monitor.onDown);
    this.#waitingMonitors.clear();
    this.#admit();
  }

  /** Those that do not wait for credit are refused when it is their turn and none is left. */
  #admit(): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#waiting.serve((call) => {
      const hasRoom = caller.hasRoomFor(call);
      if (hasRoom) caller.send(call);
      else if (!call.waits) this.#reject(call);
      return hasRoom || !call.waits;
    });
  }

  #down(): void {
    const { clock } = this.#options.context;
    const wasUp = this.#caller !== undefined;
    this.#caller = undefined;
    this.#link = undefined;
    if (this.#isClosed) return;
    if (wasUp) {
      this.#patience = clock.after(LINK_PATIENCE_MS, this.#giveUp);
      if (clock.nowMs() - this.#upSinceMs >= LINK_STABLE_MS) this.#attemptCount = 0;
    }
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#options.context;
    const bound = doubled(LINK_BACKOFF_MS_MIN, this.#attemptCount, LINK_BACKOFF_MS_MAX);
    this.#attemptCount += 1;
    this.#retry = clock.after(random.below(bound) + 1, () => void this.#connect());
  }

  readonly #giveUp = (): void => {
    this.#patience = undefined;
    for (const call of this.#waiting.takeAll()) {
      call.fail({ code: "runtime.not-connected", actor: call.actor, executed: "no" });
    }
    // One by one: a DOWN may undo monitors that were to hear of it later.
    for (const monitor of this.#waitingMonitors) {
      this.#waitingMonitors.delete(monitor);
      monitor.onDown(noConnection(monitor.actor));
    }
  };

  #reject(call: RemoteCall): void {
    this.#options.context.metrics.rejected.add(1, { reason: "link-credit" });
    call.fail({ code: "runtime.mailbox-full", actor: call.actor, executed: "no" });
  }
}
