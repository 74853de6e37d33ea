/** How commands find a node, what they say without one, and their exit codes. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startFakeNode, writeRecord } from "#test/cli/fake-node.ts";
import { cepa } from "#test/cli/run.ts";

const tree = {
  cells: [{ name: "data", pid: 42, state: "running", restarts: 1, residentBytes: 83_886_080 }],
  servers: [
    { name: "postgres", pid: 43, state: "running", restarts: 0 },
    { name: "redis", pid: 0, state: "backing-off", restarts: 2, reason: "there is none" },
  ],
  actors: [
    {
      name: "storage",
      cell: "data",
      state: "quarantined",
      incarnation: 6,
      restarts: 5,
      mailbox: { depth: 3, capacity: 128 },
      reason: "disk lies",
    },
    {
      name: "index",
      cell: "data",
      state: "running",
      incarnation: 1,
      restarts: 0,
      mailbox: { depth: 0, capacity: 128 },
    },
  ],
  unavailable: [{ actor: "auth", reason: "no redis" }],
  shuttingDown: false,
};

const node = await startFakeNode(tree);
after(() => node[Symbol.asyncDispose]());

describe("cli: finding the node", () => {
  it("takes --data, CEPA_DATA and the user's data directory, in this order", async () => {
    const byOption = await cepa(["ps", "--data", node.directory], { env: { CEPA_DATA: "/nowhere" } });
    const byVariable = await cepa(["ps"], { env: { CEPA_DATA: node.directory } });
    const byDefault = await cepa(["ps"], { env: { XDG_DATA_HOME: "/nowhere" } });

    assert.equal(byOption.code, 0);
    assert.equal(byVariable.code, 0);
    assert.match(byDefault.stderr, /^cepa: cli\.not-running: no node runs on \/nowhere\/cepa: /);
  });

  it("takes a directory on the command line before a URL in the environment", async () => {
    const ran = await cepa(["status", "--data", node.directory], { env: { CEPA_URL: "http://127.0.0.1:1" } });

    assert.equal(ran.code, 0);
  });

  it("says in one line that nothing listens, and what to do", async () => {
    const ran = await cepa(["stat", `b3:${"0".repeat(64)}`, "--url", await closedUrl()]);

    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /^cepa: cli\.unreachable: .*nothing listens on .*start a node with \.\/cepa up\n$/);
  });

  for (const [state, advice] of [
    ["quarantined", "cepa ps says why, and cepa resume cell/data starts it again"],
    ["backing-off", "it comes back by itself, and cepa ps says how it is"],
  ] as const) {
    it(`says that the node runs when only the cell of its gateway is down (${state})`, async (context) => {
      const cells = [{ name: "data", pid: 0, state, restarts: 5, residentBytes: 0 }];
      const broken = await startFakeNode({ cells, actors: [{ name: "gateway", cell: "data", state }] });
      context.after(() => broken[Symbol.asyncDispose]());
      const http = await closedUrl();
      writeRecord(broken.directory, { pid: process.pid, http, admin: join(broken.directory, "admin.sock") });

      const ran = await cepa(["name", "get", `${"0".repeat(64)}/site`, "--data", broken.directory]);
      const stated = await cepa(["stat", `b3:${"0".repeat(64)}`, "--data", broken.directory]);

      const why = `process ${process.pid} runs, but its cell data is ${state}: ${advice}`;
      const said = { code: 1, stdout: "", stderr: `cepa: cli.unreachable: no answer from ${http}: ${why}\n` };
      assert.deepEqual([ran, stated], [said, said]);
    });
  }

  it("says that the node runs where its cell does, and does not listen yet", async (context) => {
    const cells = [{ name: "data", pid: 4711, state: "running", restarts: 5, residentBytes: 0 }];
    const young = await startFakeNode({ cells, actors: [{ name: "gateway", cell: "data", state: "starting" }] });
    context.after(() => young[Symbol.asyncDispose]());
    const http = await closedUrl();
    writeRecord(young.directory, { pid: process.pid, http, admin: join(young.directory, "admin.sock") });

    const got = await cepa(["name", "get", `${"0".repeat(64)}/site`, "--data", young.directory]);
    const stated = await cepa(["stat", `b3:${"0".repeat(64)}`, "--data", young.directory]);

    const why = `process ${process.pid} runs, but its cell data is running and does not listen yet: try again, and cepa ps says how it is`;
    const said = { code: 1, stdout: "", stderr: `cepa: cli.unreachable: no answer from ${http}: ${why}\n` };
    assert.deepEqual([got, stated], [said, said]);
  });

  it("says that nothing listens where nobody can tell more", async () => {
    const http = await closedUrl();
    writeRecord(node.directory, { pid: process.pid, http, admin: "/nonexistent.sock" });
    const silent = await cepa(["stat", `b3:${"0".repeat(64)}`, "--data", node.directory]);
    writeRecord(node.directory, { pid: process.pid, http: node.url, admin: join(node.directory, "admin.sock") });

    assert.match(silent.stderr, /^cepa: cli\.unreachable: .*nothing listens on /);
  });

  it("says that a node is gone when its process is", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cepa-gone-"));
    const pid = spawnSync("true").pid;
    writeRecord(directory, { pid, http: "http://127.0.0.1:1", admin: "/nonexistent.sock" });

    const ran = await cepa(["down", "--data", directory]);
    rmSync(directory, { recursive: true });

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, new RegExp(`^cepa: cli\\.not-running: .*it was process ${pid}`));
  });

  it("says that the process runs when only its admin socket is gone, and what to do", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cepa-socket-gone-"));
    const lock = openSync(join(directory, "node.lock"), "w");
    writeRecord(directory, { pid: process.pid, http: "http://127.0.0.1:1", admin: join(directory, "admin.sock") });

    const listed = await cepa(["ps", "--data", directory]);
    const downed = await cepa(["down", "--data", directory]);
    closeSync(lock);
    const reused = await cepa(["ps", "--data", directory]);
    rmSync(directory, { recursive: true });

    for (const { code, stderr } of [listed, downed]) {
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^cepa: cli\\.socket-gone: process ${process.pid} runs .*: retry in a moment`));
    }
    // Another process has the number now: it does not hold the lock.
    assert.match(reused.stderr, /^cepa: cli\.not-running: /);
  });

  it("calls a URL that is none a usage error", async () => {
    const ran = await cepa(["status", "--url", "127.0.0.1:7700"]);

    assert.equal(ran.code, 2);
  });
});

describe("cli: ps", () => {
  it("prints cells with their actors below them", async () => {
    const ran = await cepa(["ps", "--data", node.directory]);

    assert.equal(
      ran.stdout,
      [
        "data        running      pid 42         restarts 1  80.0 MiB",
        "├─ storage  quarantined  incarnation 6  restarts 5  mailbox 3/128  disk lies",
        "└─ index    running      incarnation 1  restarts 0  mailbox 0/128",
        "postgres    running      pid 43         restarts 0",
        "redis       backing-off  pid 0          restarts 2  there is none",
        "auth        unavailable  no redis",
        "",
      ].join("\n"),
    );
  });

  it("prints the whole tree as JSON", async () => {
    const ran = await cepa(["ps", "--json", "--data", node.directory]);

    const { shuttingDown: _, ...expected } = tree;
    assert.deepEqual(JSON.parse(ran.stdout), expected);
  });

  it("uses colour only where it is wanted", async () => {
    const plain = await cepa(["ps", "--data", node.directory]);
    const forced = await cepa(["ps", "--data", node.directory], { env: { FORCE_COLOR: "1" } });
    const forbidden = await cepa(["ps", "--data", node.directory], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });

    assert(!plain.stdout.includes("\x1b["));
    assert(forced.stdout.includes("\x1b["));
    assert.equal(forbidden.stdout, plain.stdout);
  });
});

describe("cli: kill, resume and down", () => {
  it("asks the admin socket and says what was done", async () => {
    node.asked.length = 0;

    const killed = await cepa(["kill", "actor/storage", "--data", node.directory]);
    const resumed = await cepa(["resume", "cell/data", "--data", node.directory]);

    assert.deepEqual([killed.stdout, resumed.stdout], ["killed actor/storage\n", "resumed cell/data\n"]);
    assert.deepEqual(node.asked, [
      { id: 1, command: "kill", target: "actor/storage" },
      { id: 1, command: "resume", target: "cell/data" },
    ]);
  });

  it("says at which failpoint an actor is to end", async () => {
    node.asked.length = 0;
    const kill = (at: string) => cepa(["kill", "actor/storage", "--at", at, "--data", node.directory]);

    const said = [await kill("put-durable"), await kill("put-durable:3"), await kill("put-durable:0")];

    assert.deepEqual(
      said.map(({ stdout }) => stdout),
      [
        "actor/storage ends the next time it comes to put-durable\n",
        "actor/storage ends the next 3 times it comes to put-durable\n",
        "actor/storage ends at put-durable no more\n",
      ],
    );
    const target = "actor/storage";
    assert.deepEqual(
      node.asked,
      [1, 3, 0].map((times) => ({ id: 1, command: "kill", target, at: "put-durable", times })),
    );
    const refused = await kill("put-durable:many");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /It is a failpoint, or one and a count, such as put-durable:3/);
  });

  it("passes the node's refusal on", async () => {
    const ran = await cepa(["kill", "actor/nobody", "--data", node.directory]);

    assert.deepEqual(ran, { code: 1, stdout: "", stderr: "cepa: supervisor.unknown-target: No such actor.\n" });
  });

  it("shows dead letters, and sends one again", async () => {
    node.asked.length = 0;
    const of = ["letters", "actor/storage", "--data", node.directory];

    const list = await cepa(of);
    const json = await cepa([...of, "--json"]);
    const none = await cepa(["letters", "actor/index", "--data", node.directory]);
    const sent = await cepa([...of, "--replay", "7"]);

    const first = '7  2026-01-01T00:00:00.000Z  crashed  put  {"size":3}';
    const second = "8  2026-01-01T00:00:01.000Z  poison  put  (too large to keep, or a stream)";
    assert.equal(list.stdout, `${first}\n${second}\n`);
    assert.deepEqual(
      json.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).id),
      [7, 8],
    );
    assert.equal(none.stdout, "no dead letters of actor/index\n");
    assert.equal(sent.stdout, "sent letter 7 to actor/storage again\n");
    assert.deepEqual(node.asked.at(-1), { id: 1, command: "replay", target: "actor/storage", letter: 7 });
  });

  it("comes back from down only when the process has ended", async () => {
    const root = spawn(process.execPath, ["-e", "process.stdin.resume().on('end', () => setTimeout(() => 0, 300))"]);
    const directory = mkdtempSync(join(tmpdir(), "cepa-down-"));
    const admin = createServer((socket) => {
      socket.on("data", () => {
        socket.end('{"id":1,"ok":true}\n');
        root.stdin.end();
      });
    });
    const socketPath = join(directory, "admin.sock");
    await new Promise<void>((resolve) => admin.listen(socketPath, resolve));
    writeRecord(directory, { pid: root.pid ?? 0, http: "http://127.0.0.1:1", admin: socketPath });
    const exited = new Promise((resolve) => root.once("exit", () => resolve("root")));

    const downed = cepa(["down", "--json", "--data", directory]);
    const order = await Promise.race([exited, downed.then(() => "down")]);
    const again = await cepa(["down", "--data", directory]);
    admin.close();
    rmSync(directory, { recursive: true });

    assert.equal(order, "root");
    assert.deepEqual(JSON.parse((await downed).stdout), { command: "down", pid: root.pid });
    assert.equal(again.code, 1);
  });
});

describe("cli: down", () => {
  it("takes a root that has ended for gone, though nobody reaped it", async () => {
    // The shell becomes a program that never waits for its child.
    const careless = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [said] = (await once(careless.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    const directory = mkdtempSync(join(tmpdir(), "cepa-zombie-"));
    const admin = createServer((socket) => {
      socket.on("data", () => {
        process.kill(pid, "SIGKILL");
        socket.end('{"id":1,"ok":true}\n');
      });
    });
    const socketPath = join(directory, "admin.sock");
    await new Promise<void>((resolve) => admin.listen(socketPath, resolve));
    writeRecord(directory, { pid, http: "http://127.0.0.1:1", admin: socketPath });

    const ran = await cepa(["down", "--data", directory]);
    careless.kill("SIGKILL");
    admin.close();
    rmSync(directory, { recursive: true });

    assert.deepEqual(ran, { code: 0, stdout: "down\n", stderr: "" });
  });
});

describe("cli: usage", () => {
  for (const [args, form] of [
    [["kill", "nosuch"], /actor\/NAME, cell\/NAME or server\/NAME/],
    [["kill", "actor/"], /actor\/NAME, cell\/NAME or server\/NAME/],
    [["resume", "foo"], /actor\/NAME, cell\/NAME or server\/NAME/],
    [["letters", "cell/data"], /It is actor\/NAME/],
    [["letters", "actor/storage", "--replay", "0"], /number of a letter/],
    [["get", "xyz"], /b3: and 64 hex digits/],
    [["get", `b3:${"A".repeat(64)}`], /b3: and 64 hex digits in lower case/],
    [["put", ""], /It is empty/],
    [["put", "-", "-"], /Standard input is read once/],
    [["get", `b3:${"0".repeat(64)}`, "--setuid"], /--setuid needs -r/],
    [["get", "-r", `b3:${"0".repeat(64)}`, "-o", "out", "--range", "0-1"], /--range <first-last>' cannot be used with/],
    [["help", "frob"], /unknown command 'frob'/],
    [["help", "name", "frob"], /unknown command 'frob'/],
    [["name", "help", "frob"], /unknown command 'frob'/],
    [["car", "frob", "--help"], /unknown command 'frob'/],
    [["rm", `cepa:${"0".repeat(64)}#garbage`], /a private link, with or without its key/],
    [["stat", "xyz"], /b3: and 64 hex digits/],
    // They go to the machine's own node, whatever the URL says.
    [["down", "--url", "http://127.0.0.1:1"], /--url/],
  ] as const) {
    it(`exits with 2 and says the form that is expected for ${args.join(" ")}`, async () => {
      const ran = await cepa([...args, "--data", node.directory]);

      assert.equal(ran.code, 2);
      assert.match(ran.stderr, form);
    });
  }

  const wrong = [
    ["nonsense"],
    ["put"],
    ["get", "a", "b"],
    ["ps", "--nonsense"],
    ["ps", "--data", ""],
    ["ps", "--url", ""],
    [],
  ];
  for (const args of wrong) {
    it(`exits with 2 for ${JSON.stringify(args)}`, async () => {
      const ran = await cepa(args);

      assert.equal(ran.code, 2);
      assert.equal(ran.stdout, "");
      assert.notEqual(ran.stderr, "");
    });
  }

  for (const command of [
    "put",
    "get",
    "stat",
    "ps",
    "status",
    "volumes",
    "repair",
    "kill",
    "resume",
    "letters",
    "logs",
    "down",
  ]) {
    it(`shows examples and --json in the help of ${command}`, async () => {
      const ran = await cepa([command, "--help"]);

      assert.equal(ran.code, 0);
      assert.match(ran.stdout, new RegExp(`\n {2}--json .*Examples:\n {2}\\$ cepa ${command}`, "s"));
    });
  }

  for (const args of [["help", "name", "set"], ["name", "help", "set"], ["help"], ["help", "help"], ["name", "help"]]) {
    it(`shows the help that is asked for by ${args.join(" ")}`, async () => {
      const ran = await cepa(args);

      const usage = ["Usage: cepa", ...args.filter((name) => name !== "help"), "[options]"].join(" ");
      assert.deepEqual([ran.code, ran.stdout.startsWith(usage), ran.stderr], [0, true, ""]);
    });
  }

  it("ends quietly when its reader is gone", async () => {
    const child = spawn(process.execPath, ["cli/main.ts", "ps", "--json", "--data", node.directory], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    const noise: Buffer[] = [];
    child.stderr.on("data", (piece: Buffer) => noise.push(piece));

    await new Promise((resolve) => child.once("close", resolve));

    assert.equal(Buffer.concat(noise).toString(), "");
  });
});

/** A URL at which certainly nothing listens: its port was just given back. */
async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 1}`;
}
