/** The root and its cells as real processes, on a small tree. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { freshDirectory, gone, TestNode } from "#test/supervisor/fixture/node.ts";

const pidsOf = (ready: Readonly<Record<string, unknown>>): readonly number[] =>
  Object.values(ready["cells"] as Readonly<Record<string, number>>);

describe("node: up and down", () => {
  it("says where it is, stops everything in order, and leaves nothing behind (SUP-9)", async () => {
    const node = new TestNode(freshDirectory());
    const ready = await node.said({ event: "ready" });
    const record = node.record();
    assert.deepEqual([record["pid"], record["http"]], [node.pid, ready["http"]]);
    assert.equal(statSync(String(record["run"])).mode & 0o777, 0o700);
    const others = pidsOf(ready);

    node.process.kill("SIGTERM");

    assert.equal(await node.exited, 0);
    assert.deepEqual(node.lines.slice(-2), [{ event: "shutting-down" }, { event: "shutdown" }]);
    const ends = node.trace().filter((line) => line.endsWith("terminate") && !line.startsWith("beta"));
    assert.deepEqual(ends, ["gateway terminate", "alpha terminate"]);
    assert.deepEqual(await gone(others, 0), []);
    assert.deepEqual([existsSync(String(record["run"])), existsSync(join(node.data, "node.json"))], [false, false]);
  });

  it("answers `down` on the admin socket when everything has stopped", async () => {
    const node = new TestNode(freshDirectory());
    await node.said({ event: "ready" });

    assert.deepEqual(await node.ask({ id: 7, command: "down" }), { id: 7, ok: true });
    assert.equal(await node.exited, 0);
    assert.equal(node.trace().includes("alpha terminate"), true);
  });

  it("kills at the second signal", async () => {
    const node = new TestNode(freshDirectory(), []);
    const ready = await node.said({ event: "ready" });
    const [data = 0] = pidsOf(ready);
    process.kill(data, "SIGSTOP");

    node.process.kill("SIGINT");
    await node.said({ event: "shutting-down" });
    node.process.kill("SIGINT");

    assert.equal(await node.exited, 1);
    assert.match(node.stderr, /^cepa: supervisor\.killed: [^\n]+\n$/);
    assert.deepEqual(await gone(pidsOf(ready), 2000), []);
  });

  it("was shut down once it has said so, whatever signal comes then", async () => {
    const node = new TestNode(freshDirectory(), []);
    await node.said({ event: "ready" });

    node.process.kill("SIGTERM");
    await node.said({ event: "shutdown" });
    node.process.kill("SIGTERM");

    assert.equal(await node.exited, 0);
    assert.equal(node.stderr, "");
  });

  it("leaves no process within 2 s of a kill -9 of the root (SUP-10)", async () => {
    const node = new TestNode(freshDirectory());
    const others = pidsOf(await node.said({ event: "ready" }));

    node.process.kill("SIGKILL");
    await node.exited;

    assert.deepEqual(await gone(others, 2000), []);
    const next = new TestNode(node.data);
    await next.said({ event: "ready" });
    next.process.kill("SIGTERM");
    assert.equal(await next.exited, 0);
  });
});

describe("node: an optional cell that does not start (SUP-20)", () => {
  const unavailableIn = (said: Readonly<Record<string, unknown>>) =>
    said["unavailable"] as readonly { readonly actor: string; readonly reason: string }[];

  for (const [what, reason] of [
    ["wire", /^start-failed: .*beta finds nothing to work with/],
    ["init", /^start-failed: .*beta does not like this place/],
  ] as const) {
    it(`is declared unavailable with the reason, and the node is ready without it (${what})`, async () => {
      const data = freshDirectory();
      const broken = join(data, `beta-${what}-broken`);
      writeFileSync(broken, "");
      const node = new TestNode(data);

      const ready = await node.said({ event: "ready" });
      const { status } = await node.ask({ id: 1, command: "status" });

      for (const said of [ready, status as Readonly<Record<string, unknown>>]) {
        assert.deepEqual(
          unavailableIn(said).map(({ actor }) => actor),
          ["beta"],
        );
        assert.match(unavailableIn(said)[0]?.reason ?? "", reason);
      }
      assert.deepEqual(
        node.trace().filter((line) => line.endsWith("init")),
        ["alpha init", "gateway init"],
      );

      rmSync(broken);
      const child = what === "wire" ? "cell/ops" : "actor/beta";
      await node.ask({ id: 2, command: "resume", target: child });
      await node.becomes("everything is available", ({ unavailable }) => unavailable.length === 0);
      node.process.kill("SIGTERM");
      assert.equal(await node.exited, 0);
    });
  }
});

/** What stdout holds when stderr is all that there is to say. */
function failedAs({ stderr }: TestNode): Readonly<Record<string, unknown>> {
  const [, code, message] = /^cepa: ([^:]+): (.*)\n$/.exec(stderr) ?? [];
  return { event: "failed", code, message };
}

describe("node: refusals", () => {
  it("does not start a second node on the same data directory, and names the first (SUP-11)", async () => {
    const first = new TestNode(freshDirectory());
    await first.said({ event: "ready" });

    const second = new TestNode(first.data);

    assert.equal(await second.exited, 1);
    const refused = `another node \\(process ${first.pid}\\) already runs on ${first.data}: stop it with cepa down [^\n]+`;
    assert.match(second.stderr, new RegExp(`^cepa: lock\\.taken: ${refused}\n$`));
    assert.deepEqual(second.lines, [failedAs(second)]);
    assert.equal(first.record()["pid"], first.pid);
    first.process.kill("SIGTERM");
    assert.equal(await first.exited, 0);
  });

  it("ends with 2 and one line when it is used wrongly", async () => {
    const node = new TestNode(freshDirectory(), ["--profile", "cloud"]);

    assert.equal(await node.exited, 2);
    const message = "--profile is one of tree, single, edge, not cloud; see cepa up --help";
    assert.equal(node.stderr, `cepa: supervisor.bad-usage: ${message}\n`);
    assert.deepEqual(node.lines, [{ event: "failed", code: "supervisor.bad-usage", message }]);
  });

  it("ends with 1 and says where a configuration is wrong, in the root or in a cell", async () => {
    const broken = freshDirectory();
    writeFileSync(join(broken, "cepa.toml"), "[alpha\npauseMs = 1\n");
    const unreadable = new TestNode(broken);
    assert.equal(await unreadable.exited, 1);
    assert.match(
      unreadable.stderr,
      /^cepa: config\.unreadable: configuration .*cepa\.toml:1:\d+: .+; mend the file\n$/,
    );
    assert.deepEqual(unreadable.lines, [failedAs(unreadable)]);

    const refused = freshDirectory();
    writeFileSync(join(refused, "cepa.toml"), "[alpha]\npauseMs = 5000\n");
    const invalid = new TestNode(refused);
    assert.equal(await invalid.exited, 1);
    const said = /^cepa: config\.invalid: .*cepa\.toml: alpha\.pauseMs is 5000, allowed are 0 to 1000; mend [^\n]+\n$/;
    assert.match(invalid.stderr, said);
    assert.deepEqual(invalid.lines, [failedAs(invalid)], "nothing of the way down is said");
  });

  it("names a number that is none as it is written, in the root's words (SUP-21)", async () => {
    const data = freshDirectory();
    writeFileSync(join(data, "cepa.toml"), "[alpha]\npauseMs = nan\n[beta]\npauseMs = -inf\n");
    const node = new TestNode(data);

    assert.equal(await node.exited, 1);
    assert.match(node.stderr, /alpha\.pauseMs is nan, expected a finite number; beta\.pauseMs is -inf, /);
  });

  it("says what happened, why, what to do and the code, whatever refuses the start (SUP-21)", async () => {
    const file = join(freshDirectory(), "file");
    writeFileSync(file, "");
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const notOurs = ["--insecure-public", "--http", "192.0.2.1:0"];
    const refusals: readonly (readonly [data: string, args: readonly string[], code: string, message: RegExp])[] = [
      [
        file,
        [],
        "disk.exists",
        /^cannot use .*file: it is no directory \(disk\.exists\); .* --data another directory$/,
      ],
      [
        "/proc/none",
        [],
        "disk.not-found",
        /^cannot use \/proc\/none: it is not there, .*; .*--data another directory$/,
      ],
      [freshDirectory(), ["--config", "/none"], "config.unreadable", /\/none: there is no such file; give --config/],
      [
        freshDirectory(),
        ["--config", "/proc"],
        "config.unreadable",
        /\/proc: it is no file \(ENOTSUP\); mend the file/,
      ],
      [
        freshDirectory(),
        notOurs,
        "network.port-taken",
        /^cannot listen on 192\.0\.2\.1:0: .* \(EADDRNOTAVAIL\); choose /,
      ],
      [
        freshDirectory(),
        ["--http", `127.0.0.1:${port}`],
        "network.port-taken",
        /: it is in use \(EADDRINUSE\); choose /,
      ],
    ];

    for (const [data, args, code, message] of refusals) {
      const node = new TestNode(data, args);

      assert.equal(await node.exited, 1, code);
      const [said = {}] = node.lines;
      assert.deepEqual([node.lines.length, said["event"], said["code"]], [1, "failed", code]);
      assert.match(String(said["message"]), message);
      assert.equal(node.stderr, `cepa: ${code}: ${said["message"]}\n`);
    }
    taken.close();
  });
});

describe("node: a cell that dies (SUP-3)", () => {
  it("is restarted, announced, and shown", async () => {
    const node = new TestNode(freshDirectory());
    const ready = await node.said({ event: "ready" });
    const [data = 0] = pidsOf(ready);

    process.kill(data, "SIGKILL");
    await node.said({ event: "restarted", child: "data" });

    assert.deepEqual(
      node.lines.filter((line) => line["event"] === "crashed"),
      [{ event: "crashed", service: "data", reason: "killed" }],
    );
    assert.deepEqual(await node.ask({ id: 1, command: "kill", target: "cell/none" }), {
      id: 1,
      ok: false,
      code: "supervisor.no-such-child",
      message: "there is no cell/none: data, ops",
    });
    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);
  });
});

describe("node: a defect that no actor owns (SUP-17)", () => {
  it("ends the cell, and its log has the turns before it", async () => {
    const directory = freshDirectory();
    const cause = join(directory, "alpha-nobody-broken");
    writeFileSync(cause, "");
    const node = new TestNode(directory);
    await node.said({ event: "crashed", service: "data" });
    rmSync(cause);
    await node.said({ event: "restarted", child: "data" });

    const [line] = readFileSync(join(directory, "logs", "data.log"), "utf8")
      .split("\n")
      .filter((text) => text.includes("cell.defect"));
    const { defect, turns } = JSON.parse(line ?? "{}");
    node.process.kill("SIGTERM");

    assert.equal(defect.message, "owned by no actor");
    assert.deepEqual(turns, ["alpha timer 1"]);
    assert.equal(await node.exited, 0);
  });
});

describe("node: sources that change under it (SUP-19)", () => {
  it("does not start a cell from them, says so once, and goes on with the others", async () => {
    const node = new TestNode(freshDirectory());
    const [data = 0, ops = 0] = pidsOf(await node.said({ event: "ready" }));
    writeFileSync(join(node.data, "sources"), "edited");

    process.kill(data, "SIGKILL");
    const startFailed = { event: "crashed", service: "data", reason: "start-failed" };
    await node.said(startFailed);
    await node.said(startFailed, node.lines.length);

    const problem = "the code changed under a running node: restart it";
    assert.deepEqual(
      node.lines.filter((line) => line["event"] === "build-changed"),
      [{ event: "build-changed", cell: "data", problem }],
    );
    assert.equal(node.trace().filter((line) => line === "alpha init").length, 1);
    const { status } = await node.ask({ id: 1, command: "status" });
    const { cells, actors } = status as { cells: { pid: number }[]; actors: { reason?: string }[] };
    assert.deepEqual(
      cells.map(({ pid }) => pid),
      [0, ops],
    );
    assert.match(actors[0]?.reason ?? "", /^start-failed: .*the code changed under a running node: restart it/);
    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);

    const next = new TestNode(node.data);
    await next.said({ event: "ready" });
    next.process.kill("SIGTERM");
    assert.equal(await next.exited, 0);
  });
});

describe("node: an actor that keeps crashing (SUP-5, SUP-7)", () => {
  it("is quarantined at the sixth crash, and comes back when it is resumed", async () => {
    const node = new TestNode(freshDirectory());
    await node.said({ event: "ready" });

    for (let crash = 1; crash <= 6; crash += 1) {
      const from = node.lines.length;
      const killed = await node.ask({ id: crash, command: "kill", target: "actor/alpha" });
      assert.deepEqual(killed, { id: crash, ok: true });
      await node.said(
        crash < 6 ? { event: "restarted", child: "alpha" } : { event: "quarantined", child: "alpha" },
        from,
      );
    }
    const again = await node.ask({ id: "x", command: "kill", target: "actor/alpha" });
    assert.deepEqual([again["ok"], again["code"]], [false, "supervisor.not-running"]);

    assert.deepEqual(await node.ask({ id: 8, command: "resume", target: "actor/alpha" }), { id: 8, ok: true });
    const killed = await node.ask({ id: 9, command: "kill", target: "actor/alpha" });
    assert.deepEqual(killed, { id: 9, ok: true });
    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);
  });
});

describe("node: a changed configuration", () => {
  it("is in force when every cell accepts it, and not at all when one refuses (SUP-12)", async () => {
    const data = freshDirectory();
    const node = new TestNode(data);
    await node.said({ event: "ready" });

    writeFileSync(join(data, "cepa.toml"), "[beta]\npauseMs = 13\n");
    const refused = await node.said({ event: "config-refused" });
    assert.deepEqual(refused, { event: "config-refused", by: "ops", problem: "beta does not like 13" });
    writeFileSync(join(data, "cepa.toml"), "[beta]\npauseMs = 14\n");
    assert.deepEqual(await node.said({ event: "config-updated" }), { event: "config-updated", version: 2 });
    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);
  });
});

describe("node: a data cell that keeps dying (SUP-18)", () => {
  it("is quarantined while the node stays up, and comes back when it is resumed", async () => {
    const node = new TestNode(freshDirectory());
    await node.said({ event: "ready" });

    for (let crash = 1; crash <= 6; crash += 1) {
      const from = node.lines.length;
      assert.deepEqual(await node.ask({ id: crash, command: "kill", target: "cell/data" }), { id: crash, ok: true });
      await node.said(
        crash < 6 ? { event: "restarted", child: "data" } : { event: "quarantined", child: "data" },
        from,
      );
    }
    const { status } = await node.ask({ id: 1, command: "status" });
    const { cells, actors } = status as { cells: { state: string; pid: number }[]; actors: { state: string }[] };
    assert.deepEqual(
      cells.map(({ state, pid }) => [state, pid > 0]),
      [
        ["quarantined", false],
        ["running", true],
      ],
    );
    assert.deepEqual(
      actors.map(({ state }) => state),
      ["quarantined", "quarantined", "running"],
    );

    assert.deepEqual(await node.ask({ id: 2, command: "resume", target: "cell/data" }), { id: 2, ok: true });
    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);
  });
});

describe("node: all cells in one process", () => {
  it("ends a killed cell's actors without terminate, and starts them again", async () => {
    const node = new TestNode(freshDirectory(), [], "single-root.ts");
    const ready = await node.said({ event: "ready" });
    assert.deepEqual(ready["cells"], { data: node.pid, ops: node.pid });

    assert.deepEqual(await node.ask({ id: 1, command: "kill", target: "cell/data" }), { id: 1, ok: true });
    await node.said({ event: "restarted", child: "data" });
    assert.deepEqual(await node.ask({ id: 2, command: "kill", target: "actor/beta" }), { id: 2, ok: true });
    await node.said({ event: "restarted", child: "beta" });
    assert.equal(node.trace().filter((line) => line.endsWith("terminate")).length, 0);
    const crashed = node.lines.filter((line) => line["event"] === "crashed").map((line) => line["service"]);
    assert.deepEqual(crashed, ["data", "beta"]);

    node.process.kill("SIGTERM");
    assert.equal(await node.exited, 0);
  });
});
