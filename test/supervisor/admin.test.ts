/** The admin socket: lines in, lines out, on a network in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { must } from "#runtime/errors.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { LOOPBACK_HIGH_WATER_BYTES, SimulatedNetwork } from "#runtime/simulated/network.ts";
import {
  ADMIN_CONNECTIONS_MAX,
  ADMIN_IDLE_MS,
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

interface Caller {
  said: string;
  closed: boolean;
  /** Reads nothing from now on. */
  pause(): void;
  write(text: string): Promise<void>;
}

interface Scene {
  readonly clock: ManualClock;
  call(): Promise<Caller>;
  run(): Promise<void>;
}

async function listening(handle: AdminHandler = echo): Promise<Scene> {
  const { network, run } = steppedNetwork();
  const clock = new ManualClock();
  must(await listenAdmin({ network, clock, path, handle }), "listening");
  const call = async (): Promise<Caller> => {
    const caller: Caller = { said: "", closed: false, pause: () => undefined, write: async () => undefined };
    const connecting = network.connect(
      { path },
      {
        onBytes: (bytes) => {
          caller.said += Buffer.from(bytes).toString("utf8");
        },
        onDrain: () => undefined,
        onClose: () => {
          caller.closed = true;
        },
      },
    );
    await run();
    const connection = must(await connecting, "connecting");
    caller.pause = () => connection.pause();
    caller.write = async (text) => {
      connection.write([Buffer.from(text)]);
      await run();
    };
    return caller;
  };
  return { clock, call, run };
}

async function talk(texts: readonly string[], handle: AdminHandler = echo): Promise<{ said: string; closed: boolean }> {
  const caller = await (await listening(handle)).call();
  for (const text of texts) await caller.write(text);
  const { said, closed } = caller;
  return { said, closed };
}

const status = '{"id":1,"command":"status"}\n';
const down = '{"id":2,"command":"down"}\n';
/** `down` is answered never, everything else at once. */
const echoButDown: AdminHandler = (command) =>
  command.command === "down" ? new Promise(() => undefined) : echo(command);

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

  it("ends when it has sent no whole request for a while, and not before", async () => {
    const { clock, call, run } = await listening();
    const [mute, slow, prompt] = [await call(), await call(), await call()];
    await clock.advance(ADMIN_IDLE_MS - 1);
    await slow.write(status.slice(0, 9));
    await prompt.write(status);
    assert.deepEqual([mute.closed, slow.closed, prompt.closed], [false, false, false]);

    await clock.advance(1);
    await run();
    assert.deepEqual([mute.closed, slow.closed, prompt.closed], [true, true, false]);

    await clock.advance(ADMIN_IDLE_MS - 2);
    await run();
    assert.equal(prompt.closed, false);
    await clock.advance(1);
    await run();
    assert.equal(prompt.closed, true);
  });

  it("stays while its request is under way, however long that takes", async () => {
    const { clock, call, run } = await listening(echoButDown);
    const caller = await call();

    await caller.write(down);
    await clock.advance(10 * ADMIN_IDLE_MS);
    await run();

    assert.equal(caller.closed, false);
  });

  it("gets no further answers, and ends, when it does not read them", async () => {
    let answered = 0;
    const handle: AdminHandler = () => {
      answered += 1;
      return Promise.resolve({ fields: { long: "x".repeat(1024) } });
    };
    const { clock, call, run } = await listening(handle);
    const deaf = await call();
    deaf.pause();

    for (let batch = 0; batch < 10; batch += 1) {
      await deaf.write(status.repeat(ADMIN_WAITING_MAX / 4));
    }
    assert(answered * 1024 < 2 * LOOPBACK_HIGH_WATER_BYTES, `${answered} answers`);
    await clock.advance(ADMIN_IDLE_MS);
    await run();

    assert.equal(deaf.closed, true);
  });
});

describe("admin: the connections", () => {
  it("are a bounded number: for one more the oldest idle one is closed, and the new one is answered", async () => {
    const { call } = await listening(echoButDown);
    const busy = await call();
    await busy.write(down);
    const idle: Caller[] = [];
    for (let count = 1; count < ADMIN_CONNECTIONS_MAX; count += 1) idle.push(await call());
    assert.equal(idle.filter(({ closed }) => closed).length, 0);

    const operator = await call();
    await operator.write(status);

    assert.equal(JSON.parse(operator.said).ok, true);
    assert.equal(busy.closed, false);
    assert.deepEqual(
      idle.map(({ closed }) => closed),
      idle.map((_, index) => index === 0),
    );
  });

  it("turn one more away while all of them are being answered", async () => {
    const { call } = await listening(echoButDown);
    const busy: Caller[] = [];
    for (let count = 0; count < ADMIN_CONNECTIONS_MAX; count += 1) {
      const caller = await call();
      await caller.write(down);
      busy.push(caller);
    }

    const late = await call();
    await late.write(status);

    assert.deepEqual([late.closed, late.said], [true, ""]);
    assert.equal(busy.filter(({ closed }) => closed).length, 0);
  });
});

describe("admin: parseRequest", () => {
  it("reads what is asked about dead letters", () => {
    const read = (said: object): unknown => {
      const parsed = parseRequest(JSON.stringify(said));
      return parsed.ok ? parsed.value.command : parsed.failure.message;
    };

    const target = "actor/storage";
    assert.deepEqual(read({ command: "letters", target }), { command: "letters", actor: "storage" });
    assert.deepEqual(read({ command: "replay", target, letter: 3 }), {
      command: "replay",
      actor: "storage",
      letter: 3,
    });
    assert.equal(read({ command: "letters", target: "cell/data" }), "the target is actor/<name>");
    for (const letter of [undefined, 0, 1.5, "3", null]) {
      assert.equal(read({ command: "replay", target, letter }), "the letter is its number");
    }
  });

  it("reads at which failpoint an actor is to end", () => {
    const read = (said: object): unknown => {
      const parsed = parseRequest(JSON.stringify({ command: "kill", target: "actor/storage", ...said }));
      return parsed.ok ? parsed.value.command : parsed.failure.message;
    };
    const armed = { command: "kill-at", actor: "storage", failpoint: "put-durable" };

    assert.deepEqual(read({ at: "put-durable" }), { ...armed, times: 1 });
    assert.deepEqual(read({ at: "put-durable", times: 0 }), { ...armed, times: 0 });
    assert.equal(read({ at: "put-durable", target: "cell/data" }), "only an actor, actor/<name>, has failpoints");
    for (const times of [-1, 1.5, 1_000_001, "2", null]) {
      assert.match(String(read({ at: "put-durable", times })), /"times" a whole number, 0 to 1000000$/);
    }
    assert.match(String(read({ at: 7 })), /^"at" is a failpoint/);
  });

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
