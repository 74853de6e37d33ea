/** A node with its packs in a bucket of a real S3 server: cells, server and machine are lost, and nothing acknowledged is. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";
import { mustHold, putObject, randomBytes } from "#test/kit/objects.ts";
import { tempDirectory } from "#test/kit/temp-directory.ts";
import { credentials, S3Server } from "#test/runtime/bucket/s3-server.ts";

const env = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: "",
};

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
});
