/**
 * What is between the clients of a node that runs and the node: for each group a gate, which is a TCP proxy of this process. A
 * cut holds back bytes, ends and resets until it heals, so that connections are half-open meanwhile; a connection may be reset
 * in its middle, and carry little.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { FaultKind, FaultOf } from "#chaos/fault.ts";
import { lasting } from "#chaos/injection.ts";
import { Barrier, type Direction } from "#chaos/network/barrier.ts";
import { anyByte } from "#chaos/network/broken-connections.ts";
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import { Pace } from "#chaos/network/pace.ts";
import { draws, NEVER, type Ratio } from "#chaos/ratio.ts";
import { convey, type Hurdle } from "#chaos/real/network/lane.ts";
import type { Injection } from "#chaos/world.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import { resetSocket } from "#runtime/real/reset-socket.ts";

/** Connections through one gate. One more is closed without an answer. */
export const GATE_CONNECTIONS_MAX = 1024;
/** What passes a narrow network at a time. */
const PIECE_BYTES = 1400;

/** What gates bring about. */
export const AT_GATES: ReadonlySet<FaultKind> = new Set([
  "partition",
  "one-way-cut",
  "narrow-network",
  "broken-connections",
]);

export interface GatesOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** URL of the node; undefined while there is none. */
  readonly target: () => string | undefined;
  /** Where connections of a group come from, as the node sees it. */
  readonly localAddressOf?: ((group: ClientGroup) => string) | undefined;
}

export class Gates {
  readonly barrier: Barrier = new Barrier();
  readonly #options: GatesOptions;
  readonly #servers = new Map<ClientGroup, Server>();
  readonly #sockets = new Set<Socket>();
  #paces: Readonly<Record<Direction, Pace>> | undefined;
  #slowed = 0;
  #breaks: Ratio = NEVER;
  #broken = 0;

  private constructor(options: GatesOptions) {
    this.#options = options;
  }

  static async open(options: GatesOptions): Promise<Gates> {
    const gates = new Gates(options);
    for (const group of CLIENT_GROUPS) {
      const server = createServer({ allowHalfOpen: true }, (client) => gates.#enter(group, client));
      server.maxConnections = GATE_CONNECTIONS_MAX;
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      gates.#servers.set(group, server);
    }
    return gates;
  }

  urlOf(group: ClientGroup): string {
    const address = this.#servers.get(group)?.address() as AddressInfo | undefined;
    return `http://127.0.0.1:${address?.port}`;
  }

  narrow({ bytesPerSecond }: FaultOf<"narrow-network">): Injection {
    const { clock } = this.#options;
    const paces = { requests: new Pace(clock, bytesPerSecond), answers: new Pace(clock, bytesPerSecond) };
    const before = this.#slowed;
    this.#paces = paces;
    return lasting(
      () => {
        if (this.#paces === paces) this.#paces = undefined;
        for (const pace of Object.values(paces)) pace.open();
      },
      () => this.#slowed - before,
    );
  }

  breakSome({ breaks }: FaultOf<"broken-connections">): Injection {
    const before = this.#broken;
    this.#breaks = breaks;
    return lasting(
      () => {
        this.#breaks = NEVER;
      },
      () => this.#broken - before,
    );
  }

  /** At once, with every connection. */
  close(): void {
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #enter(group: ClientGroup, client: Socket): void {
    const { target, localAddressOf, random } = this.#options;
    const url = target();
    if (url === undefined) return void resetSocket(client);
    const { hostname, port } = new URL(url);
    const localAddress = localAddressOf?.(group);
    const node = connect({
      host: hostname,
      port: Number(port),
      allowHalfOpen: true,
      ...(localAddress && { localAddress }),
    });
    for (const socket of [client, node]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    const breaksAt = draws(this.#breaks, random) ? anyByte(random) : Number.POSITIVE_INFINITY;
    convey(client, node, this.#hurdle(group, "requests", breaksAt));
    convey(node, client, this.#hurdle(group, "answers", breaksAt));
  }

  #hurdle(group: ClientGroup, direction: Direction, breaksAt: number): Hurdle {
    let passedBytes = 0;
    return {
      pass: async (bytes) => {
        await this.barrier.passed(group, direction);
        const pace = this.#paces?.[direction];
        if (bytes > 0 && passedBytes >= breaksAt) {
          this.#broken += 1;
          return "breaks";
        }
        const room = Math.min(bytes, breaksAt - passedBytes, pace === undefined ? bytes : PIECE_BYTES);
        passedBytes += room;
        if (pace === undefined || room === 0) return room;
        this.#slowed += 1;
        await pace.pass(room);
        return room;
      },
    };
  }
}
