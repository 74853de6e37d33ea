/** Gates before a server that writes down what reaches it: real connections, cut, slowed and reset. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type Cut, cutAt } from "#chaos/network/cut.ts";
import type { ClientGroup } from "#chaos/network/groups.ts";
import { Gates } from "#chaos/real/network/gates.ts";
import { realClock } from "#runtime/real/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { eventually } from "#test/kit/node.ts";

const stretch = { atMs: 0, forMs: 1000 };
const WITHIN_MS = 5000;

describe("chaos gates", () => {
  let server: Server;
  let gates: Gates;
  /** What reached the server, by connection: bytes, `end`, `reset`. */
  let reached: string[][];
  const clients: Socket[] = [];

  before(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const events: string[] = [];
      reached.push(events);
      socket.on("data", (bytes) => {
        events.push(`${bytes}`);
        socket.write(`so ${bytes}`);
      });
      socket.on("end", () => {
        events.push("end");
        socket.end("bye");
      });
      socket.on("error", () => events.push("reset"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => server.close());
  beforeEach(async () => {
    reached = [];
    const target = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    gates = await Gates.open({ clock: realClock, random: seededRandom(1), target });
  });
  afterEach(() => {
    gates.close();
    for (const client of clients.splice(0)) client.destroy();
  });

  async function enter(group: ClientGroup) {
    const client = connect({ port: Number(new URL(gates.urlOf(group)).port), host: "127.0.0.1", allowHalfOpen: true });
    clients.push(client);
    const heard: string[] = [];
    client.on("data", (bytes) => heard.push(`${bytes}`));
    client.on("end", () => heard.push("end"));
    client.on("error", () => heard.push("reset"));
    await once(client, "connect");
    return { client, heard };
  }

  function partition(...groups: ClientGroup[]): Cut {
    return { kind: "partition", ...stretch, groups };
  }

  /** A way there and back by another group: whatever could pass meanwhile has. */
  async function meanwhile(): Promise<void> {
    const { client, heard } = await enter("a");
    client.write("meanwhile");
    await eventually(WITHIN_MS, "others are served", () => heard.length > 0);
  }

  it("let bytes and an end pass in their order, each way by itself", async () => {
    const { client, heard } = await enter("a");

    client.write("one");
    await eventually(WITHIN_MS, "an answer", () => heard.length === 1);
    client.end();
    await eventually(WITHIN_MS, "the end", () => heard.includes("end"));

    assert.deepEqual(reached, [["one", "end"]]);
    assert.equal(heard.join(""), "so onebyeend");
  });

  it("hold a group up that is cut off, its connections half-open, and no other", async () => {
    const { client, heard } = await enter("b");
    client.write("before");
    await eventually(WITHIN_MS, "an answer", () => heard.length === 1);
    const cut = cutAt(gates.barrier, partition("b"));

    client.write("during");
    client.end();
    await meanwhile();
    const during = [...(reached[0] ?? [])];
    await cut.heal();
    await eventually(WITHIN_MS, "the end", () => heard.includes("end"));

    assert.deepEqual(during, ["before"]);
    assert.deepEqual(reached[0], ["before", "during", "end"]);
    assert(cut.effects() > 0);
  });

  it("keep it from the server that a client has gone, until the cut heals", async () => {
    const { client, heard } = await enter("b");
    client.write("before");
    await eventually(WITHIN_MS, "an answer", () => heard.length === 1);
    const cut = cutAt(gates.barrier, partition("b", "c"));

    client.resetAndDestroy();
    await meanwhile();
    const during = [...(reached[0] ?? [])];
    await cut.heal();
    await eventually(WITHIN_MS, "the reset", () => reached[0]?.includes("reset") === true);

    assert.deepEqual(during, ["before"]);
  });

  it("let requests through where only answers are lost", async () => {
    const cut = cutAt(gates.barrier, { kind: "one-way-cut", ...stretch, groups: ["b"], lost: "answers" });
    const { client, heard } = await enter("b");

    client.write("asked");
    await eventually(WITHIN_MS, "it arrives", () => reached[0]?.length === 1);
    await meanwhile();
    const during = [...heard];
    await cut.heal();
    await eventually(WITHIN_MS, "the answer", () => heard.length === 1);

    assert.deepEqual([during, heard], [[], ["so asked"]]);
  });

  it("carry no more than so many bytes a second where they are narrow", async () => {
    const narrow = gates.narrow({ kind: "narrow-network", ...stretch, bytesPerSecond: 20_000 });
    const { client, heard } = await enter("c");
    const beganMs = performance.now();

    client.write("x".repeat(4000));
    await eventually(WITHIN_MS, "all of it", () => heard.join("").replaceAll("so ", "").length === 4000);

    const tookMs = performance.now() - beganMs;
    assert(tookMs >= 200, `4000 bytes there and back in ${tookMs} ms`);
    assert(narrow.effects() >= 4, `${narrow.effects()} pieces`);
    await narrow.heal();
  });

  it("reset connections in the middle of what they carry, as many as are to break", async () => {
    const breaking = gates.breakSome({ kind: "broken-connections", ...stretch, breaks: [1, 1] });
    const { client, heard } = await enter("a");

    for (let number = 0; number < 100 && !client.destroyed; number += 1) client.write("y".repeat(1024));
    await eventually(WITHIN_MS, "the reset", () => heard.includes("reset"));
    await breaking.heal();
    await meanwhile();

    const arrived = (reached[0] ?? []).filter((said) => said.startsWith("y")).join("").length;
    assert(arrived < 64 * 1024, `${arrived} bytes arrived`);
    assert.equal(breaking.effects(), 1);
  });

  it("close at once, with every connection", async () => {
    const { client, heard } = await enter("b");
    client.write("before");
    await eventually(WITHIN_MS, "an answer", () => heard.length === 1);
    cutAt(gates.barrier, partition("b"));

    gates.close();
    await eventually(WITHIN_MS, "the end at the client", () => heard.includes("end") || heard.includes("reset"));

    assert(await new Promise((resolve) => server.getConnections((_, count) => resolve(count <= 1))));
  });
});
