/** Both networks against the same suite; then what only one of them can do. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { realNetwork } from "#runtime/real/network.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import { type NetworkCase, networkSuite } from "#test/runtime/seams/network-suite.ts";

const deaf = { onBytes: () => undefined, onDrain: () => undefined, onClose: () => undefined };

networkSuite("real", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cepa-net-"));
  return {
    network: realNetwork,
    path: join(directory, "s"),
    until: (condition) => turnUntil(condition),
    close: async () => rmSync(directory, { recursive: true }),
  };
});

for (const pieces of ["whole", "torn"]) {
  networkSuite(`simulated, ${pieces} deliveries`, async () => {
    const random = seededRandom(7);
    const scheduler = seededScheduler(random);
    const torn = { scheduler, pieceBytes: () => 1 + random.below(100_000) };
    return simulated(new SimulatedNetwork(pieces === "torn" ? torn : { scheduler }));
  });
}

describe("network (real): socket files", () => {
  it("have mode 0600, replace a stale one, and are removed by close", async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, "s");
      const stale = createServer();
      await new Promise<void>((resolve) => {
        stale.listen(path, resolve);
      });

      const listening = await realNetwork.listen({ path }, () => deaf);
      assert(listening.ok, "it listens");
      assert.equal(statSync(path).mode & 0o777, 0o600);
      await listening.value.close();
      await new Promise((resolve) => {
        stale.close(resolve);
      });
      assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
    });
  });

  it("never replace a file that is no socket", async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, "precious");
      writeFileSync(path, "data");

      const listening = await realNetwork.listen({ path }, () => deaf);

      assert.deepEqual(listening, { ok: false, failure: { code: "network.broken", path, errno: "EADDRINUSE" } });
      assert.equal(readFileSync(path, "utf8"), "data");
    });
  });

  it("cannot be made where the directory is missing, which is a failure and no throw", async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, "missing", "s");

      const listening = await realNetwork.listen({ path }, () => deaf);

      assert.match(errnoOf(listening), /^(ENOENT|EACCES)$/);
    });
  });
});

describe("network (simulated): weather", () => {
  it("cut destroys and refuses, heal lets in again", async () => {
    const { network, path, until } = simulated(new SimulatedNetwork({ scheduler: seededScheduler(seededRandom(1)) }));
    assert(network instanceof SimulatedNetwork);
    let closeCount = 0;
    await network.listen({ path }, () => deaf);
    await network.connect({ path }, { ...deaf, onClose: () => (closeCount += 1) });
    assert.equal(network.connectionCount(path), 1);

    network.cut(path);
    await until(() => closeCount === 1);
    const whileCut = await network.connect({ path }, deaf);
    network.heal(path);
    const healed = await network.connect({ path }, deaf);

    assert.equal(errnoOf(whileCut), "ECONNREFUSED");
    assert.equal(healed.ok, true);
    assert.equal(network.connectionCount(path), 1);
  });

  it("freeze holds bytes without losing them, thaw lets them go on", async () => {
    const clock = new ManualClock();
    const network = new SimulatedNetwork({ scheduler: seededScheduler(seededRandom(1)), clock });
    const received: string[] = [];
    await network.listen({ path: "/a" }, () => ({ ...deaf, onBytes: (bytes) => received.push(text(bytes)) }));
    const connected = await network.connect({ path: "/a" }, deaf);
    assert(connected.ok, "it connects");

    network.freeze("/a");
    connected.value.write([Buffer.from("held")]);
    await clock.advance(60_000);
    assert.deepEqual(received, []);
    network.thaw("/a");
    await clock.settle();

    assert.deepEqual(received, ["held"]);
  });

  it("delay holds every byte that long, in order", async () => {
    const clock = new ManualClock();
    const network = new SimulatedNetwork({ scheduler: seededScheduler(seededRandom(1)), clock });
    const received: string[] = [];
    await network.listen({ path: "/a" }, () => ({ ...deaf, onBytes: (bytes) => received.push(text(bytes)) }));
    const connected = await network.connect({ path: "/a" }, deaf);
    assert(connected.ok, "it connects");

    network.delay("/a", 50);
    connected.value.write([Buffer.from("a")]);
    connected.value.write([Buffer.from("b")]);
    await clock.advance(49);
    assert.deepEqual(received, []);
    await clock.advance(51);

    assert.deepEqual(received, ["a", "b"]);
  });
});

function simulated(network: SimulatedNetwork): NetworkCase {
  const clock = new ManualClock();
  return {
    network,
    path: "/run/s",
    until: async (condition) => {
      for (let turn = 0; turn < 2000 && !condition(); turn += 1) await clock.settle();
      assert(condition(), "it comes to pass");
    },
    close: async () => undefined,
  };
}

/** Lets the event loop turn: bounded by turns and not by time, so a slow machine only takes longer. */
async function turnUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000_000 && !condition(); turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  assert(condition(), "it comes to pass");
}

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-net-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function errnoOf(answer: { ok: true } | { ok: false; failure: { errno: string } }): string {
  return answer.ok ? "" : answer.failure.errno;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
