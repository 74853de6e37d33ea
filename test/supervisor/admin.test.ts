/** The admin socket: lines in, lines out, on a network in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import {
  ADMIN_CONNECTIONS_MAX,
  ADMIN_LINE_LENGTH_MAX,
  ADMIN_WAITING_MAX,
  type AdminHandler,
  listenAdmin,
} from "#supervisor/root/admin.ts";
import { parseRequest } from "#supervisor/root/admin-protocol.ts";

const path = "/run/admin.sock";
const echo: AdminHandler = (command) => Promise.resolve({ fields: { did: command } });

/** Macrotasks that a test runs when it is ready. */
function steppedNetwork(): { readonly network: SimulatedNetwork; readonly run: () => Promise<void> } {
  const tasks: (() => void)[] = [];
  const scheduler = { microtask: queueMicrotask, macrotask: (task: () => void) => void tasks.push(task) };
  const run = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn += 1) {
      tasks.shift()?.();
      await undefined;
    }
  };
  return { network: new SimulatedNetwork({ scheduler }), run };
}

async function talk(texts: readonly string[], handle: AdminHandler = echo): Promise<{ said: string; closed: boolean }> {
  const { network, run } = steppedNetwork();
  must(await listenAdmin(network, path, handle), "listening");
  const heard = { said: "", closed: false };
  const connecting = network.connect(
    { path },
    {
      onBytes: (bytes) => {
        heard.said += Buffer.from(bytes).toString("utf8");
      },
      onDrain: () => undefined,
      onClose: () => {
        heard.closed = true;
      },
    },
  );
  await run();
  const connection = must(await connecting, "connecting");
  for (const text of texts) {
    connection.write([Buffer.from(text)]);
    await run();
  }
  return heard;
}

describe("admin: a connection", () => {
  it("answers every line with one line and its id, in order, however the bytes come", async () => {
    const first = '{"id":1,"command":"status"}\n';
    const second = '{"id":"b","command":"kill","target":"actor/storage"}\n';

    const { said } = await talk([`${first}${second.slice(0, 9)}`, second.slice(9)]);

    assert.deepEqual(
      said
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [
        { id: 1, ok: true, did: { command: "status" } },
        { id: "b", ok: true, did: { command: "kill", kind: "actor", name: "storage" } },
      ],
    );
  });

  it("passes a refusal on", async () => {
    const handle: AdminHandler = () =>
      Promise.resolve({ refusal: { code: "supervisor.no-such-child", message: "none" } });

    const { said } = await talk(['{"id":1,"command":"down"}\n'], handle);

    assert.deepEqual(JSON.parse(said), { id: 1, ok: false, code: "supervisor.no-such-child", message: "none" });
  });

  it("takes a line at the limit, and ends with one past it", async () => {
    const request = '{"id":1,"command":"status"}';
    const atLimit = await talk([`${request.padEnd(ADMIN_LINE_LENGTH_MAX)}\n`]);
    const pastLimit = await talk([`${request.padEnd(ADMIN_LINE_LENGTH_MAX + 1)}\n`]);
    const endless = await talk(["x".repeat(ADMIN_LINE_LENGTH_MAX + 1)]);

    assert.deepEqual([JSON.parse(atLimit.said).ok, atLimit.closed], [true, false]);
    assert.deepEqual(pastLimit, { said: "", closed: true });
    assert.deepEqual(endless, { said: "", closed: true });
  });

  it("holds a bounded number of requests", async () => {
    const never: AdminHandler = () => new Promise(() => undefined);
    const line = '{"id":1,"command":"status"}\n';

    const atLimit = await talk([line, line.repeat(ADMIN_WAITING_MAX)], never);
    const pastLimit = await talk([line, line.repeat(ADMIN_WAITING_MAX + 1)], never);

    assert.deepEqual([atLimit.closed, pastLimit.closed], [false, true]);
  });

  it("is one of a bounded number", async () => {
    const { network, run } = steppedNetwork();
    must(await listenAdmin(network, path, echo), "listening");
    const closed: boolean[] = [];
    const events = { onBytes: () => undefined, onDrain: () => undefined, onClose: () => closed.push(true) };

    for (let count = 0; count < ADMIN_CONNECTIONS_MAX; count += 1) void network.connect({ path }, events);
    await run();
    assert.equal(closed.length, 0);
    void network.connect({ path }, events);
    await run();
    assert.equal(closed.length, 1);
  });
});

describe("admin: parseRequest", () => {
  it("refuses what is no request, and gives the id back where there is one", () => {
    const refused = [
      "",
      "[",
      "7",
      "null",
      "[]",
      '{"id":3}',
      '{"id":3,"command":"kill"}',
      '{"id":3,"command":"reboot"}',
    ];
    for (const line of refused) {
      const parsed = parseRequest(line);
      assert(!parsed.ok, line);
      assert.equal(parsed.failure.id, line.includes('"id":3') ? 3 : null);
    }
    const targets = ["storage", "actor/", "node/data", "actor/../x", "actor/A", `actor/${"a".repeat(64)}`];
    for (const target of targets) {
      assert.equal(parseRequest(JSON.stringify({ command: "resume", target })).ok, false, target);
    }
    assert.equal(parseRequest(JSON.stringify({ command: "resume", target: `cell/${"a".repeat(63)}` })).ok, true);
  });
});
