/** A node with servers, for real: begun before the cell that works with them, told of, killed, done without. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { NodeStatus } from "#runtime/actor-module.ts";
import { provide } from "#test/kit/provide.ts";
import { freshDirectory, gone, TestNode } from "#test/supervisor/fixture/node.ts";
import { ask } from "#test/supervisor/root/servers/postgres-wire.ts";

const skip = (await provide({ "redis-check-rdb": "redis-tools" })) ?? false;

const ENABLED = "[beta]\nenabled = true\n[redis]\nport = 0\n";

function node(config: string, env: Readonly<Record<string, string>> = {}): TestNode {
  const data = freshDirectory();
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, "cepa.toml"), config);
  return new TestNode(data, [], "root.ts", { CEPA_FIXTURE_TREE: "optional", ...env });
}

const isRunning = ({ servers }: NodeStatus): boolean => servers.every(({ state }) => state === "running");

async function end(one: TestNode): Promise<void> {
  one.process.kill("SIGTERM");
  assert.equal(await one.exited, 0);
}

/** The first answer of a Redis at `url` to `line`, said by its user. */
function askRedis(url: string, line: string): Promise<string> {
  const { hostname, port, username, password } = new URL(url);
  return new Promise((resolve, reject) => {
    const connection = connect(Number(port), hostname, () =>
      connection.write(`AUTH ${username} ${password}\r\n${line}\r\n`),
    );
    let said = "";
    connection.on("data", (bytes) => {
      said += bytes;
      const [, answer] = said.split("\r\n");
      if (answer === undefined || answer === "") return;
      connection.destroy();
      resolve(answer);
    });
    connection.on("error", reject);
  });
}

describe("servers: of a node", { skip }, () => {
  it("has neither them nor the cell that is for them, unless it is told to (SUP-35)", async () => {
    const one = node("");
    const ready = await one.said({ event: "ready" });

    const { status } = (await one.ask({ id: 1, command: "status" })) as unknown as { status: NodeStatus };
    assert.deepEqual([status.cells.map(({ name }) => name), status.servers], [["data"], []]);
    assert.deepEqual([ready["redis"], ready["postgres"]], [undefined, undefined]);
    await end(one);
  });

  it("runs them, says where they are, and ends them after their cell (SUP-35)", async () => {
    const one = node(ENABLED);
    const ready = await one.said({ event: "ready" });
    await one.becomes("they serve", (status) => status.servers.length === 2 && isRunning(status));

    assert.match(await askRedis(String(ready["redis"]), "XADD events * a 1"), /^\$/);
    const run = decodeURIComponent(String(ready["postgres"]).replace(/^.*host=/, ""));
    assert.deepEqual(await ask(join(run, ".s.PGSQL.5432"), "select 1"), ["1"]);
    const { status } = (await one.ask({ id: 1, command: "status" })) as unknown as { status: NodeStatus };
    await end(one);

    assert.deepEqual(
      await gone(
        status.servers.map(({ pid }) => pid),
        0,
      ),
      [],
    );
  });

  it("begins one again that was killed, and nothing else (SUP-35)", async () => {
    const one = node(ENABLED);
    await one.said({ event: "ready" });
    await one.becomes("they serve", (status) => status.servers.length === 2 && isRunning(status));

    for (const name of ["postgres", "redis"]) {
      assert.equal((await one.ask({ id: 2, command: "kill", target: `server/${name}` }))["ok"], true);
      await one.said({ event: "restarted", child: name });
    }

    await one.becomes("they serve again", (status) => isRunning(status));
    const { status } = (await one.ask({ id: 1, command: "status" })) as unknown as { status: NodeStatus };
    assert.deepEqual(
      status.servers.map(({ restarts }) => restarts),
      [1, 1],
    );
    assert.deepEqual(
      status.cells.map(({ restarts }) => restarts),
      [0, 0],
    );
    await end(one);
  });

  it("goes on without one that is not here, and says what to do (SUP-35)", async () => {
    const one = node(ENABLED, { PATH: "/nowhere", CEPA_PROVISION: "never" });
    await one.said({ event: "ready" });

    await one.becomes("Postgres serves", ({ servers }) =>
      servers.some((server) => server.name === "postgres" && server.state === "running"),
    );
    await one.becomes("the reason is told", ({ servers }) =>
      servers.some(
        ({ name, reason = "" }) =>
          name === "redis" && /there is no redis-server here: .* apt-get install .* redis-tools/.test(reason),
      ),
    );
    await end(one);
  });

  it("runs none for which it has a URL, and says that one, without its password (SUP-35, SUP-38)", async () => {
    const url = "redis://u:p@127.0.0.1:1";
    const one = node(`${ENABLED}url = "${url}"\n[postgres]\nurl = "postgres://u@127.0.0.1:1/d"\n`);
    const ready = await one.said({ event: "ready" });

    const { status } = (await one.ask({ id: 1, command: "status" })) as unknown as { status: NodeStatus };
    assert.deepEqual([status.cells.map(({ name }) => name), status.servers], [["data", "ops"], []]);
    assert.deepEqual([ready["redis"], ready["postgres"]], ["redis://u@127.0.0.1:1", "postgres://u@127.0.0.1:1/d"]);
    await end(one);
  });

  it("leaves nothing behind when the root is killed (SUP-35)", async () => {
    const one = node(ENABLED);
    await one.said({ event: "ready" });
    await one.becomes("they serve", (status) => status.servers.length === 2 && isRunning(status));
    const { status } = (await one.ask({ id: 1, command: "status" })) as unknown as { status: NodeStatus };

    one.process.kill("SIGKILL");

    assert.deepEqual(
      await gone(
        [...status.servers, ...status.cells].map(({ pid }) => pid),
        2000,
      ),
      [],
    );
  });
});
