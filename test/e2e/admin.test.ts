/** What an operator relies on, while somebody removes files under the node or sits on its admin socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { second } from "#runtime/units.ts";
import { ADMIN_CONNECTIONS_MAX, ADMIN_IDLE_MS } from "#supervisor/root/admin.ts";
import { KEEP_MS } from "#supervisor/root/keeper.ts";
import { eventually, launchRoot, startNode, type TestNode } from "#test/kit/node.ts";
import { mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

const recordOf = (node: TestNode): string => readFileSync(join(node.dataDirectory, "node.json"), "utf8");
const placeOf = (node: TestNode): { readonly run: string; readonly admin: string } => JSON.parse(recordOf(node));

/** Refuses while the cell of telemetry cannot be reached from that of the gateway. */
async function metricsOf(node: TestNode): Promise<string> {
  const response = await fetch(`${node.url}/metrics`);
  assert.equal(response.status, 200);
  return response.text();
}

describe("admin: the run directory is removed under a node", () => {
  it("comes back: the operator is heard, a cell restarts, links between old and new cells work (SUP-23)", async (context) => {
    const node = await startNode();
    context.after(() => node.dispose());
    const bytes = randomBytes(200_000, 131);
    await putObject(node.url, bytes);
    await metricsOf(node);

    rmSync(placeOf(node).run, { recursive: true });
    process.kill(node.ready.cells["data"] ?? 0, "SIGKILL");
    await eventually(15 * second, "the data cell lives again", async () => {
      const [cell] = (await node.status()).cells.filter(({ name }) => name === "data");
      return cell?.state === "running" && cell.pid !== node.ready.cells["data"];
    });
    await node.becomesReady();

    await mustHold(node.url, bytes);
    await eventually(5 * second, "the data cell reaches the ops cell", async () => (await metricsOf(node)).length > 0);
    assert.equal(await node.cellPid("ops"), node.ready.cells["ops"]);
    assert.equal((await node.admin("down"))["ok"], true);
  });

  it("comes back while nothing else happens", async (context) => {
    const node = await startNode();
    context.after(() => node.dispose());

    rmSync(placeOf(node).run, { recursive: true });

    await eventually(
      KEEP_MS + 3 * second,
      "the operator is heard",
      async () => (await node.status()).cells.length === 2,
    );
  });
});

describe("admin: the lock file is removed under a node", () => {
  it("is still refused to a second one, which names the first and changes nothing (SUP-11)", async (context) => {
    const node = await startNode();
    context.after(() => node.dispose());
    const bytes = randomBytes(200_000, 132);
    await putObject(node.url, bytes);
    const before = recordOf(node);

    rmSync(join(node.dataDirectory, "node.lock"));
    const other = launchRoot(node.dataDirectory);
    context.after(() => other.kill("SIGKILL"));
    let said = "";
    other.stderr?.on("data", (text: Buffer) => {
      said += text.toString();
    });
    await once(other, "close");

    assert.equal(other.exitCode, 1);
    assert(said.includes(`process ${node.process.pid}`) && said.includes(node.dataDirectory), said);
    assert.equal(recordOf(node), before);
    assert.equal((await node.status()).cells.length, 2);
    await mustHold(node.url, bytes);
  });
});

describe("admin: connections that say nothing", () => {
  it("do not keep the operator out, and are closed (SUP-15)", async (context) => {
    const node = await startNode();
    context.after(() => node.dispose());
    const { admin } = placeOf(node);
    const mute: Socket[] = [];
    for (let count = 0; count < 2 * ADMIN_CONNECTIONS_MAX; count += 1) {
      const socket = connect(admin);
      await once(socket, "connect");
      mute.push(socket.on("error", () => undefined).resume());
    }

    assert.equal((await node.status()).cells.length, 2);
    await eventually(ADMIN_IDLE_MS + 3 * second, "they are closed", () => mute.every(({ closed }) => closed));
  });
});
