/** What every network keeps, real or simulated. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Connection, ConnectionEvents, Listener, Network } from "#runtime/network/network.ts";

export interface NetworkCase {
  readonly network: Network;
  /** A path that nobody listens on. */
  readonly path: string;
  /** Waits until `condition` holds; the case knows what makes its world turn. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** One end of a connection, and all that happened to it. */
class Side implements ConnectionEvents {
  readonly received: Uint8Array[] = [];
  drainCount = 0;
  closeCount = 0;
  #connection: Connection | undefined;

  get connection(): Connection {
    assert(this.#connection !== undefined, "it is connected");
    return this.#connection;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  attach(connection: Connection): this {
    this.#connection = connection;
    return this;
  }

  onBytes(bytes: Uint8Array): void {
    this.received.push(bytes);
  }

  onDrain(): void {
    this.drainCount += 1;
  }

  onClose(): void {
    this.closeCount += 1;
  }
}

export function networkSuite(name: string, start: () => Promise<NetworkCase>): void {
  const withPair = async (
    run: (near: Side, far: Side, world: NetworkCase & { readonly listener: Listener }) => Promise<void>,
  ): Promise<void> => {
    const world = await start();
    const near = new Side();
    const far = new Side();
    const listening = await world.network.listen({ path: world.path }, (connection) => far.attach(connection));
    assert(listening.ok, "it listens");
    const connected = await world.network.connect({ path: world.path }, near);
    assert(connected.ok, "it connects");
    near.attach(connected.value);
    await world.until(() => far.isConnected);
    try {
      await run(near, far, { ...world, listener: listening.value });
    } finally {
      await listening.value.close();
      await world.close();
    }
  };

  describe(`network (${name}): bytes`, () => {
    it("arrive in order, both ways, all parts of a write", async () => {
      await withPair(async (near, far, { until }) => {
        near.connection.write([Buffer.from("one "), Buffer.from(""), Buffer.from("two ")]);
        near.connection.write([Buffer.from("three")]);
        await until(() => far.bytes.byteLength === 13);
        far.connection.write([Buffer.from("back")]);
        await until(() => near.bytes.byteLength === 4);

        assert.equal(far.bytes.toString(), "one two three");
        assert.equal(near.bytes.toString(), "back");
      });
    });

    it("belong to the receiver: what comes later does not change what came before", async () => {
      await withPair(async (near, far, { until }) => {
        const sent = Buffer.alloc(1_000_000, 1);
        near.connection.write([sent]);
        await until(() => far.bytes.byteLength === sent.byteLength);
        far.connection.write([Buffer.from("first")]);
        await until(() => near.bytes.byteLength === 5);
        const kept = near.received[0];
        far.connection.write([Buffer.from("second")]);
        await until(() => near.bytes.byteLength === 11);

        assert.equal(kept === undefined ? "" : Buffer.from(kept).toString().slice(0, 5), "first");
        assert(far.bytes.equals(sent));
        assert.equal(Object.getPrototypeOf(far.received[0]), Uint8Array.prototype);
        assert.equal(Object.getPrototypeOf(near.received[0]), Uint8Array.prototype);
      });
    });

    it("wait while the receiver is paused: write answers false, and onDrain says when to go on", async () => {
      for (const direction of ["to the one that accepted", "to the one that connected"]) {
        await withPair(async (near, far, { until }) => {
          const [sender, receiver] = direction === "to the one that accepted" ? [near, far] : [far, near];
          receiver.connection.pause();
          const part = Buffer.alloc(256 * 1024, 7);
          let sent = 0;
          while (sent < 16 && sender.connection.write([part])) sent += 1;
          assert(sent < 16, "a paused receiver is noticed");
          sent += 1;
          const before = receiver.bytes.byteLength;
          assert.equal(sender.drainCount, 0);

          receiver.connection.resume();
          await until(() => receiver.bytes.byteLength === sent * part.byteLength);
          await until(() => sender.drainCount === 1);

          assert(before < sent * part.byteLength, direction);
        });
      }
    });
  });

  describe(`network (${name}): small writes`, () => {
    it("wait likewise, and onDrain comes when all of them are taken, however few they are", async () => {
      for (const direction of ["to the one that accepted", "to the one that connected"]) {
        await withPair(async (near, far, { until }) => {
          const [sender, receiver] = direction === "to the one that accepted" ? [near, far] : [far, near];
          receiver.connection.pause();
          const part = Buffer.alloc(1024, 7);
          let sent = 1;
          while (sender.connection.write([part])) sent += 1;
          const drainsBefore = sender.drainCount;

          receiver.connection.resume();
          await until(() => receiver.bytes.byteLength === sent * part.byteLength);
          await until(() => sender.drainCount > drainsBefore);

          assert.equal(sender.connection.write([part]), true, direction);
        });
      }
    });
  });

  describe(`network (${name}): ends`, () => {
    it("with end, after all that was written, once on both sides", async () => {
      await withPair(async (near, far, { until }) => {
        near.connection.write([Buffer.alloc(500_000, 3)]);
        near.connection.end();
        await until(() => far.closeCount === 1 && near.closeCount === 1);

        assert.equal(far.bytes.byteLength, 500_000);
        assert.equal(near.connection.write([Buffer.from("late")]), false);
        near.connection.destroy();
        far.connection.destroy();
        assert.deepEqual([near.closeCount, far.closeCount], [1, 1]);
      });
    });

    it("with destroy, at once, once on both sides", async () => {
      await withPair(async (near, far, { until }) => {
        far.connection.destroy();
        await until(() => far.closeCount === 1 && near.closeCount === 1);

        assert.equal(far.connection.write([Buffer.from("late")]), false);
      });
    });

    it("with the listener: what it accepted is destroyed, and nobody else gets in", async () => {
      await withPair(async (near, _far, { until, listener, network, path }) => {
        await listener.close();
        await until(() => near.closeCount === 1);

        const again = await network.connect({ path }, new Side());
        assert.equal(again.ok, false);
      });
    });
  });

  describe(`network (${name}): addresses`, () => {
    it("that nobody listens on are refused with the system's name for it", async () => {
      const world = await start();
      const refused = await world.network.connect({ path: world.path }, new Side());
      await world.close();

      assert(!refused.ok, "it is refused");
      assert.equal(refused.failure.code, "network.broken");
      assert.match(refused.failure.errno, /^(ENOENT|ECONNREFUSED)$/);
    });

    it("may have 107 bytes and not one more", async () => {
      const world = await start();
      const path = (bytes: number): string => world.path.padEnd(bytes, "x");
      const atLimit = await world.network.listen({ path: path(107) }, () => new Side());
      const past = await world.network.listen({ path: path(108) }, () => new Side());
      const connected = await world.network.connect({ path: path(108) }, new Side());
      if (atLimit.ok) await atLimit.value.close();
      await world.close();

      assert.equal(atLimit.ok, true);
      for (const answer of [past, connected]) {
        assert.deepEqual(answer, {
          ok: false,
          failure: { code: "network.broken", path: path(108), errno: "ENAMETOOLONG" },
        });
      }
    });

    it("can be listened on again after the listener is gone", async () => {
      const world = await start();
      for (let round = 0; round < 2; round += 1) {
        const listening = await world.network.listen({ path: world.path }, () => new Side());
        assert(listening.ok, "it listens");
        await listening.value.close();
      }
      await world.close();
    });
  });
}
