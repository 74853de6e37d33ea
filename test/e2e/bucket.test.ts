/** A node with its packs in a bucket of a real S3 server: cells, server and machine are lost, and nothing acknowledged is. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MiB, second } from "#runtime/units.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { credentials, S3Server } from "#test/runtime/bucket/s3-server.ts";

const env = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: "",
};

async function told(answer: Response): Promise<readonly unknown[]> {
  const { code, message } = (await answer.json()) as { readonly code?: string; readonly message?: string };
  return [answer.status, code, message?.includes("ETIMEDOUT")];
}

const server = await S3Server.start({ after });
const dataDirectory = await tempDirectory({ after });

writeFileSync(join(dataDirectory, "cepa.toml"), `[storage]\ns3 = "http://127.0.0.1:${server.port}/packs/node-1"\n`);

describe("a node with its packs in a bucket (STO-60)", () => {
  let node: TestNode;
  before(async () => {
    node = await startNode({ dataDirectory, env });
  });
  after(() => node.dispose());

  it("has what was acknowledged when the data cell was killed, the server, and the data directory is lost", async () => {
    const objects = [randomBytes(10 * MiB, 1), randomBytes(5000, 2), randomBytes(3 * MiB, 3)];
    for (const bytes of objects) await putObject(node.url, bytes);

    await node.killCell("data");
    for (const bytes of objects) await mustHold(node.url, bytes);

    await server.kill();
    await server.startAgain();
    for (const bytes of objects) await mustHold(node.url, bytes);

    assert(!readdirSync(dataDirectory).includes("packs"), "no packs are on this machine");
    const logs = join(dataDirectory, "logs");
    for (const name of readdirSync(logs)) assert(!readFileSync(join(logs, name), "utf8").includes("S3RVER"));
    await node.stop();
    for (const lost of ["catalog", "index"]) rmSync(join(dataDirectory, lost), { recursive: true });
    node = await startNode({ dataDirectory, env });
    for (const bytes of objects) await mustHold(node.url, bytes);
  });

  it("says that it is the bucket, to whoever puts, reads or asks for health, and goes on when that is back (STO-61)", async () => {
    const [large, small] = [randomBytes(10 * MiB, 4), randomBytes(5000, 5)];
    for (const bytes of [large, small]) await putObject(node.url, bytes);
    // What was read lately is in memory.
    await node.killCell("data");
    await server.kill();

    const beganMs = performance.now();
    const answers = await Promise.all([
      fetch(`${node.url}/put`, { method: "PUT", body: new Uint8Array(randomBytes(5000, 6)) }),
      fetch(`${node.url}/put`, { method: "PUT", body: new Uint8Array(randomBytes(10 * MiB, 7)) }),
      fetch(`${node.url}/o/${addressOf(small)}`),
      fetch(`${node.url}/o/${addressOf(large)}`),
    ]);
    const tookMs = performance.now() - beganMs;
    const refusals = await Promise.all(answers.map(told));
    let health = "";
    await eventually(5000, "health says so", async () => {
      health = await (await fetch(`${node.url}/readyz`)).text();
      return health.includes("does not answer");
    });
    await server.startAgain();
    await node.becomesReady();

    assert.deepEqual(refusals, [
      [503, "storage.write-failed", true],
      [503, "storage.write-failed", true],
      [503, "storage.read-failed", true],
      [503, "storage.read-failed", true],
    ]);
    assert(tookMs < 15 * second, `${tookMs} ms`);
    assert.match(health, /http:\/\/127\.0\.0\.1:\d+\/packs\/node-1 does not answer: ECONNREFUSED/);
    for (const bytes of [large, small]) await mustHold(node.url, bytes);
    await putObject(node.url, randomBytes(5000, 6));
  });
});
