/**
 * The event loop of one simulated cell, which a test can hold up: nothing of the cell runs until it goes on, then first
 * the timers that fell due, then what the sockets have received, as on a real loop.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import type { Connection, ConnectionEvents, Network } from "#runtime/network/network.ts";

export class EventLoop {
  readonly clock: Clock;
  readonly network: Network;
  readonly #timers: (() => void)[] = [];
  readonly #arrivals: (() => void)[] = [];
  #isHeld = false;

  constructor(clock: Clock, network: Network) {
    this.clock = {
      nowMs: () => clock.nowMs(),
      recentMs: () => clock.recentMs(),
      wallMs: () => clock.wallMs(),
      after: (delayMs, run) => this.#after(clock, delayMs, run),
    };
    const wrap = (events: ConnectionEvents): ConnectionEvents => ({
      onBytes: (bytes) => this.#run(this.#arrivals, () => events.onBytes(bytes)),
      onDrain: () => this.#run(this.#arrivals, () => events.onDrain()),
      onClose: () => this.#run(this.#arrivals, () => events.onClose()),
    });
    this.network = {
      listen: (address, onConnection) =>
        network.listen(address, (connection: Connection) => wrap(onConnection(connection))),
      connect: (address, events) => network.connect(address, wrap(events)),
    };
  }

  hold(): void {
    this.#isHeld = true;
  }

  goOn(): void {
    this.#isHeld = false;
    for (const run of this.#timers.splice(0)) run();
    for (const run of this.#arrivals.splice(0)) run();
  }

  #after(clock: Clock, delayMs: number, run: () => void): Timer {
    let isCancelled = false;
    const timer = clock.after(delayMs, () =>
      this.#run(this.#timers, () => {
        if (!isCancelled) run();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  #run(held: (() => void)[], run: () => void): void {
    if (this.#isHeld) held.push(run);
    else run();
  }
}
