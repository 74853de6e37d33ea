/**
 * A network of its own: packets of real connections are lost, late, cut, doubled and slow on it, what was done is counted, and
 * nothing of it is left.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { CLIENT_GROUPS, type ClientGroup } from "#chaos/network/groups.ts";
import { NEVER } from "#chaos/ratio.ts";
import { OwnNetwork, ownNetworkMissing, type PacketFault } from "#chaos/real/network/own-network.ts";
import { osMissing } from "#chaos/real/os-world.ts";
import { eventually } from "#test/kit/node.ts";

const skip = (await osMissing()) ?? (await ownNetworkMissing()) ?? false;
const WITHIN_MS = 5000;
const stretch = { atMs: 0, forMs: 1000 };
const clean = { kind: "bad-network", ...stretch, loss: NEVER, duplicate: NEVER, delayMs: 0, jitterMs: 0 } as const;

/** Answers each datagram with what it got, or with how many it got from there, and says the port where it does. */
const ECHO = `
const socket = require("node:dgram").createSocket("udp4");
const heard = {};
socket.on("message", (bytes, { port, address }) => {
  if (bytes.toString() === "heard") return socket.send(String(heard[address] ?? 0), port, address);
  heard[address] = (heard[address] ?? 0) + 1;
  socket.send(bytes, port, address);
});
socket.bind(0, () => console.log(socket.address().port));
process.stdin.on("end", () => process.exit()).resume();
`;

/** Makes a network, breaks it, says what it is, and stays. */
const MAKER = `
const { OwnNetwork } = await import("#chaos/real/network/own-network.ts");
const network = await OwnNetwork.make(1);
const stretch = { atMs: 0, forMs: 1000 };
await network.inject({ kind: "partition", ...stretch, groups: ["b"] });
await network.inject({ kind: "narrow-network", ...stretch, bytesPerSecond: 1000 });
console.log(JSON.stringify({ device: network.device, pids: network.pids }));
setInterval(() => undefined, 1000);
`;

describe("chaos: a network of its own", { skip }, () => {
  let network: OwnNetwork;
  let echo: ChildProcess;
  let port: number;
  const sockets: Socket[] = [];

  before(async () => {
    const made = await OwnNetwork.make(7);
    assert(made instanceof OwnNetwork, String(made));
    network = made;
    const [nsenter, into] = network.place.command;
    echo = spawn(nsenter, [into ?? "", process.execPath, "-e", ECHO], { stdio: ["pipe", "pipe", "inherit"] });
    assert(echo.stdout !== null);
    const [line] = await once(createInterface({ input: echo.stdout }), "line");
    port = Number(line);
  });
  after(async () => {
    echo.stdin?.end();
    await once(echo, "exit");
    await network.close();
  });

  /** A client of a group, and what came back to it, by what it was and when, in ms since the beginning. */
  async function client(group: ClientGroup) {
    const socket = createSocket("udp4");
    sockets.push(socket);
    socket.bind(0, network.place.addressOf(group));
    await once(socket, "listening");
    const beganMs = performance.now();
    const back: { readonly said: string; readonly atMs: number }[] = [];
    socket.on("message", (bytes) => back.push({ said: `${bytes}`, atMs: performance.now() - beganMs }));
    return { back, send: (said: string): void => socket.send(said, port, network.address) };
  }
  let clients: Readonly<Record<ClientGroup, Awaited<ReturnType<typeof client>>>>;
  beforeEach(async () => {
    clients = { a: await client("a"), b: await client("b"), c: await client("c") };
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });

  /** Each group sends `count`, and what is under way has come back. Gives how many did. */
  async function sendAll(count: number): Promise<Readonly<Record<ClientGroup, number>>> {
    const before = Object.fromEntries(CLIENT_GROUPS.map((group) => [group, clients[group].back.length]));
    for (let number = 0; number < count; number += 1) {
      for (const group of CLIENT_GROUPS) clients[group].send(`${number}`);
      // As many as the buffers on the way take.
      if (number % 20 === 19) await quiet(20);
    }
    await quiet(150);
    return Object.fromEntries(
      CLIENT_GROUPS.map((group) => [group, clients[group].back.length - (before[group] ?? 0)]),
    ) as Record<ClientGroup, number>;
  }

  /** Until nothing has come for a while. */
  async function quiet(forMs: number): Promise<void> {
    const came = (): number => CLIENT_GROUPS.reduce((sum, group) => sum + clients[group].back.length, 0);
    for (let before = -1; before !== came(); ) {
      before = came();
      await new Promise((resolve) => setTimeout(resolve, forMs));
    }
  }

  /** How many datagrams of a group have reached the node. */
  async function heardFrom(group: ClientGroup): Promise<number> {
    const { back, send } = clients[group];
    const before = back.length;
    send("heard");
    await eventually(WITHIN_MS, "an answer", () => back.length > before);
    return Number(back.at(-1)?.said);
  }

  async function during<Value>(fault: PacketFault, act: () => Promise<Value>) {
    const injection = await network.inject(fault);
    const value = await act();
    await injection.heal();
    return { value, effects: injection.effects() };
  }

  it("carries everything where nothing is wrong", async () => {
    assert.deepEqual(await sendAll(100), { a: 100, b: 100, c: 100 });
  });

  for (const [groups, expected] of [
    [["b"], { a: 20, b: 0, c: 20 }],
    [["b", "c"], { a: 20, b: 0, c: 0 }],
  ] as const) {
    it(`cuts ${groups.join(" and ")} off and nobody else, until it heals`, async () => {
      const { value, effects } = await during({ kind: "partition", ...stretch, groups }, () => sendAll(20));

      assert.deepEqual(value, expected);
      assert.equal(effects, 20 * groups.length);
      assert.deepEqual(await sendAll(20), { a: 20, b: 20, c: 20 });
    });
  }

  for (const lost of ["requests", "answers"] as const) {
    it(`cuts one way, of ${lost}`, async () => {
      const cut = { kind: "one-way-cut", ...stretch, groups: ["c"], lost } as const;

      const before = await heardFrom("c");
      const { value, effects } = await during(cut, () => sendAll(20));

      assert.deepEqual([value, effects], [{ a: 20, b: 20, c: 0 }, 20]);
      assert.equal((await heardFrom("c")) - before, lost === "requests" ? 0 : 20);
    });
  }

  it("loses as many packets as it is told, both ways", async (context) => {
    const { value, effects } = await during({ ...clean, loss: [30, 100] }, () => sendAll(210));

    const came = value.a + value.b + value.c;
    context.diagnostic(`${came} of 630 came back, ${effects} were dropped`);
    // 0.7 each way. Five standard deviations are 63.
    assert(Math.abs(came - 630 * 0.49) < 63, `${came} of 630 came back`);
    // Those that are dropped on their way there do not come back either: each is counted once.
    assert.equal(effects, 630 - came);
  });

  it("delays each packet by as much as it is told, more or less, so that some overtake others", async () => {
    const { effects } = await during({ ...clean, delayMs: 20, jitterMs: 60 }, () => sendAll(30));

    const { back } = clients.a;
    await eventually(WITHIN_MS, "all are back", () => back.length === 30);
    const times = back.map(({ atMs }) => atMs);
    assert(Math.min(...times) >= 40 && Math.max(...times) < WITHIN_MS, `${times}`);
    assert.notDeepEqual(
      back.map(({ said }) => Number(said)),
      Array.from(Array(30).keys()),
    );
    assert(effects >= 90, `${effects} packets`);
  });

  it("doubles some, and holds some back until they are overtaken", async () => {
    const doubled = await during({ ...clean, duplicate: [1, 2] }, () => sendAll(20));
    const reordered = await during({ kind: "reordered-network", ...stretch, reorder: [1, 4], delayMs: 30 }, () =>
      sendAll(20),
    );

    assert(doubled.value.a + doubled.value.b + doubled.value.c > 80, JSON.stringify(doubled));
    assert.deepEqual(reordered.value, { a: 20, b: 20, c: 20 });
    assert(doubled.effects > 20 && reordered.effects > 5, `${doubled.effects} and ${reordered.effects}`);
  });

  it("lets no more bytes through a second than it is told, and drops what waits for too long", async () => {
    const { a } = clients;
    const body = "x".repeat(972);
    const { effects } = await during({ kind: "narrow-network", ...stretch, bytesPerSecond: 20_000 }, async () => {
      for (let number = 0; number < 60; number += 1) a.send(body);
      await eventually(WITHIN_MS, "the first ten are back", () => a.back.length >= 10);
    });

    const tenthMs = a.back[9]?.atMs ?? 0;
    // Of 1000 bytes with their headers, 50 ms each: the tenth is through after 500 ms, and back 50 ms later.
    assert(tenthMs >= 500 && tenthMs < WITHIN_MS, `the tenth after ${tenthMs} ms`);
    await eventually(WITHIN_MS, "no more come", () => a.back.length >= 38);
    await quiet(500);
    assert(a.back.length < 60, "what would have waited for more than two seconds is dropped");
    assert(effects >= 60);
  });

  it("leaves nothing: no device, no process, no network", async () => {
    const made = await OwnNetwork.make(1);
    assert(made instanceof OwnNetwork);
    const { device } = made;
    const isThere = device in networkInterfaces();

    await made.close();

    assert.deepEqual([isThere, device in networkInterfaces()], [true, false]);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it(`leaves nothing where whoever made it ends by ${signal}`, async () => {
      const maker = spawn(process.execPath, ["--input-type=module", "-e", MAKER], {
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await once(createInterface({ input: maker.stdout }), "line");
      const { device, pids } = JSON.parse(line) as { readonly device: string; readonly pids: readonly number[] };
      const isThere = device in networkInterfaces() && pids.length === 2 && pids.every(isAlive);

      maker.kill(signal);
      await once(maker, "exit");
      await eventually(WITHIN_MS, "its processes have gone", () => !pids.some(isAlive));

      assert.deepEqual([isThere, device in networkInterfaces()], [true, false]);
    });
  }
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false; // It has gone.
  }
}
