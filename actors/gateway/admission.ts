/**
 * Who is let in: three quotas, each of requests and of the bytes they may hold, and a share for each client.
 *
 * Refusing happens here, once, before work starts; nobody waits. Reads, writes and admin requests have quotas of their
 * own, so that no flood of one kind takes another's place; a client's share is less than all of them, by default a
 * quarter, so that no client takes every place. The limits are those in force when a request comes: whoever is in stays.
 *
 * A client is an address, and loopback is none: behind it are all programs of this machine, or a proxy with everybody
 * behind that. A share would keep their places free for nobody, since by default nobody else can connect.
 */
import type { GatewayConfig } from "#actors/gateway/config.ts";
import type { BytesExceeded, GatewayOverloaded, PeerLimit } from "#actors/gateway/failures.ts";
import { isLoopback } from "#actors/gateway/loopback.ts";
import { PeerShare } from "#actors/gateway/peer-share.ts";
import type { RouteKind } from "#actors/gateway/routes.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import { fail, ok, type Result, unreachable } from "#runtime/errors.ts";
import { type Permit, type PermitBounds, Permits } from "#runtime/permits.ts";
import { KiB } from "#runtime/units.ts";

/** What a body below this may hold as it is; a larger one is pumped through a buffer of this size. */
export const HEAP_BODY_BYTES_MAX: number = 256 * KiB;
/** What a request without a body of its own weighs: its header, its JSON. */
const smallBytes = 4 * KiB;

/** Leave to work, counted for kind and client. */
export interface Admitted {
  /** Less than feared will be held. */
  shrinkTo(bytes: number): void;
  /** Idempotent. */
  release(): void;
}

interface Limits extends PermitBounds {
  /** What a client has under way is counted against each of these. */
  readonly shares: readonly { readonly share: PeerShare; readonly max: number }[];
}

export class Admission {
  readonly #config: ConfigView<GatewayConfig>;
  readonly #permits: Readonly<Record<RouteKind, Permits>>;
  readonly #all = new PeerShare();
  readonly #writes = new PeerShare();

  constructor(clock: Clock, config: ConfigView<GatewayConfig>) {
    this.#config = config;
    const permits = (kind: RouteKind): Permits => new Permits({ clock, ...this.#limitsOf(kind), waitingMax: 0 });
    this.#permits = { read: permits("read"), write: permits("write"), admin: permits("admin") };
  }

  /** `bytes`: the most that this request may hold in memory at the edge. */
  admit(kind: RouteKind, peer: string, bytes: number): Result<Admitted, GatewayOverloaded | BytesExceeded | PeerLimit> {
    const permits = this.#permits[kind];
    const limits = this.#limitsOf(kind);
    const { requestsMax, bytesMax } = limits;
    const shares = isLoopback(peer) ? [] : limits.shares;
    const spent = shares.find(({ share, max }) => share.isSpent(peer, max));
    if (spent !== undefined) return fail({ code: "gateway.peer-limit", requestsPerPeerMax: spent.max });

    permits.resize(limits);
    const taken = permits.tryTake({ requests: 1, bytes });
    if (!taken.ok) {
      if (permits.held.requests >= requestsMax) return fail({ code: "gateway.overloaded", requestsMax });
      return fail({ code: "gateway.bytes-exceeded", bytesMax });
    }
    for (const { share } of shares) share.enter(peer);
    return ok(
      admitted(taken.value, () => {
        for (const { share } of shares) share.leave(peer);
      }),
    );
  }

  #limitsOf(kind: RouteKind): Limits {
    const config = this.#config.current;
    const all = { share: this.#all, max: config.requestsPerPeerMax };
    const writes = { share: this.#writes, max: config.writeRequestsPerPeerMax };
    switch (kind) {
      case "read":
        return { requestsMax: config.readRequestsMax, bytesMax: config.readBytesMax, shares: [all] };
      case "write":
        return { requestsMax: config.writeRequestsMax, bytesMax: config.writeBytesMax, shares: [writes, all] };
      case "admin":
        return { requestsMax: config.adminRequestsMax, bytesMax: config.adminRequestsMax * smallBytes, shares: [] };
      default:
        return unreachable(kind);
    }
  }
}

function admitted(permit: Permit, leave: () => void): Admitted {
  let heldBytes = permit.weight.bytes;
  let isOver = false;
  return {
    shrinkTo: (bytes) => {
      if (isOver || bytes >= heldBytes) return;
      permit.shrink(heldBytes - bytes);
      heldBytes = bytes;
    },
    release: () => {
      if (isOver) return;
      isOver = true;
      permit.release();
      leave();
    },
  };
}

/** The weight of an upload: what of it may be in memory at the edge. Storage reserves for itself. */
export function uploadWeight(contentLength: number | undefined): number {
  return Math.min(contentLength ?? HEAP_BODY_BYTES_MAX, HEAP_BODY_BYTES_MAX);
}

/** The weight of a read before anything is known of what it reads. A manifest node, and a list of names, has at most 256 KiB. */
export function readWeight(
  route: "object" | "manifest" | "manifest-data" | "stat" | "name" | "name-history" | "names",
  method: string,
): number {
  return route === "stat" || route === "name" || method === "HEAD" ? smallBytes : HEAP_BODY_BYTES_MAX;
}

/** The weight of an admin request. */
export const adminWeight: number = smallBytes;
