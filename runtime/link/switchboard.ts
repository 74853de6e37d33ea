/**
 * Where a cell meets the others: refs to their actors, and a socket on which its own can be reached.
 *
 * There is one switchboard a cell. Links go directly from cell to cell; it keeps one to each cell that a ref was asked
 * for, and serves those that come in. A ref stays valid over every loss of a link and every restart of a cell.
 */
import type { Clock } from "#runtime/clock.ts";
import { ok, type Result } from "#runtime/errors.ts";
import { Callee } from "#runtime/link/callee.ts";
import { type ErasedRef, typeRef } from "#runtime/link/erased-ref.ts";
import { LINK_LIMITS, LINKS_INBOUND_MAX, type LinkLimits } from "#runtime/link/limits.ts";
import { Link } from "#runtime/link/link.ts";
import { type LinkContext, linkMetrics } from "#runtime/link/link-context.ts";
import { Peer } from "#runtime/link/peer.ts";
import { RemoteCall } from "#runtime/link/remote-call.ts";
import type { Target } from "#runtime/link/target.ts";
import type {
  Connection,
  ConnectionEvents,
  Listener,
  Network,
  NetworkBroken,
  SocketAddress,
} from "#runtime/network/network.ts";
import type { Protocol } from "#runtime/protocol.ts";
import type { Random } from "#runtime/random.ts";
import type { Ref } from "#runtime/ref.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { Wheel } from "#runtime/wheel.ts";

export interface SwitchboardOptions {
  /** This cell's name. */
  readonly cell: string;
  /** Cells of another build are refused (`supervisor.build-changed`). */
  readonly buildId: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  /** An actor of this cell, whether it runs or not; an `Actor` is one. Undefined when it is not hosted here. */
  readonly local: (name: string) => ErasedRef | undefined;
  /** Where another cell listens; undefined while that is unknown. Asked again before every attempt to connect. */
  readonly socketOf: (cell: string) => SocketAddress | undefined;
  /** For tests: small limits are met in every run. */
  readonly limits?: Partial<LinkLimits>;
}

/** A link that came when there was no room for it. */
const deaf: ConnectionEvents = { onBytes: () => undefined, onDrain: () => undefined, onClose: () => undefined };

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #context: LinkContext;
  /** By cell; one for each cell of the tree that was asked for, and no others exist. */
  readonly #peers = new Map<string, Peer>();
  readonly #inbound = new Set<Link>();
  #listener: Listener | undefined;
  #isClosed = false;

  constructor(options: SwitchboardOptions) {
    const { cell, buildId, clock, scheduler, random, metrics, log, limits } = options;
    this.#options = options;
    this.#context = {
      cell,
      buildId,
      limits: { ...LINK_LIMITS, ...limits },
      clock,
      scheduler,
      random,
      wheel: new Wheel(clock),
      log,
      metrics: linkMetrics(metrics),
    };
  }

  /** Accepts links from other cells. Again: on a socket that was removed; links that came in before end. One at a time. */
  async listen(address: SocketAddress): Promise<Result<void, NetworkBroken>> {
    // First: the system removes a socket's name with its listener, whosever the name is by then.
    await this.#listener?.close();
    this.#listener = undefined;
    const listening = await this.#options.network.listen(address, (connection) => this.#accept(connection));
    if (!listening.ok) return listening;
    this.#listener = listening.value;
    if (this.#isClosed) await listening.value.close();
    return ok();
  }

  /** The actor `actor` of the cell `cell`. The first ref to a cell begins to connect to it. */
  ref<P extends Protocol<P>>(actor: string, cell: string): Ref<P> {
    return typeRef<P>(new RemoteRef(this.#peer(cell), actor, this.#context));
  }

  /**
   * Whether a link to `cell` is wanted, and there now; undefined where none is. For status, never for decisions: it may be
   * gone in the next turn.
   */
  isConnected(cell: string): boolean | undefined {
    return this.#peers.get(cell)?.isConnected;
  }

  /** Ends all links and refuses new ones. Calls in flight fail: `link-lost` where they had left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const peer of this.#peers.values()) peer.close();
    for (const link of [...this.#inbound]) link.end("shutdown");
    await this.#listener?.close();
  }

  #peer(cell: string): Peer {
    let peer = this.#peers.get(cell);
    if (peer === undefined) {
      const { network, socketOf } = this.#options;
      peer = new Peer({ cell, context: this.#context, network, socketOf: () => socketOf(cell) });
      if (this.#isClosed) peer.close();
      this.#peers.set(cell, peer);
    }
    return peer;
  }

  #accept(connection: Connection): ConnectionEvents {
    if (this.#isClosed || this.#inbound.size >= LINKS_INBOUND_MAX) {
      this.#context.metrics.rejected.add(1, { reason: "links-exceeded" });
      connection.destroy();
      return deaf;
    }
    const { local } = this.#options;
    const link = new Link({
      context: this.#context,
      side: "accepting",
      to: "",
      role: (own) => new Callee(own, { context: this.#context, local, onEnd: () => this.#inbound.delete(own) }),
    });
    this.#inbound.add(link);
    link.attach(connection);
    return link;
  }
}

class RemoteRef implements ErasedRef {
  readonly name: string;
  readonly #peer: Peer;
  readonly #target: Target;
  readonly #context: LinkContext;

  constructor(peer: Peer, name: string, context: LinkContext) {
    this.name = name;
    this.#peer = peer;
    this.#target = peer.target(name);
    this.#context = context;
  }

  call(...[name, request, options]: Parameters<ErasedRef["call"]>): ReturnType<ErasedRef["call"]> {
    return new Promise((resolve) => {
      this.#peer.call(new RemoteCall(this.#target, name, request, options, this.#context, resolve));
    });
  }

  cast(...[name, request]: Parameters<ErasedRef["cast"]>): ReturnType<ErasedRef["cast"]> {
    return this.#peer.cast(this.name, name, request);
  }

  monitor(...[onDown]: Parameters<ErasedRef["monitor"]>): ReturnType<ErasedRef["monitor"]> {
    return this.#peer.monitor(this.name, onDown);
  }
}
