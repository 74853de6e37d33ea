/**
 * Private objects beside a real node: its manifests, its ranges, its crashes; and a command that is given much to do.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { CepaClient } from "#client/client.ts";
import { MiB } from "#runtime/units.ts";
import { MAIN } from "#test/cli/run.ts";
import { ciphertextOf, noise, publishedVectors } from "#test/client/private-vectors.ts";
import { startNode, type TestNode } from "#test/kit/node.ts";
import { randomBytes } from "#test/kit/objects.ts";

describe("private objects: beside a running node", () => {
  let node: TestNode;
  let client: CepaClient;
  before(async () => {
    node = await startNode();
    client = new CepaClient({ url: node.url });
  });
  after(() => node.dispose());

  it("has the published roots for the published ciphertext, and gets the content by the published links", async () => {
    for (const vector of publishedVectors().objects) {
      const body = Uint8Array.from(ciphertextOf(vector));
      const headers = { "Cepa-Enc": "cepa-private/1" };

      const put = await fetch(`${node.url}/put`, { method: "PUT", body, headers });
      const { manifest } = (await put.json()) as { manifest: string };
      const got = await client.getPrivate(vector.link);

      assert.equal(manifest, vector.link.slice(5, 69));
      assert(noise(vector.bytes).equals(await got.bytes()), vector.link);
    }
  });

  it("keeps what it gave a link for, through a crash of the cell that has it", async () => {
    const bytes = randomBytes(20 * MiB + 5, 41);
    const { link } = await client.putPrivate(new Blob([Uint8Array.from(bytes)]));

    await node.killCell("data");

    assert(bytes.equals(await (await client.getPrivate(link)).bytes()));
    const part = await client.getPrivate(link, { range: { first: 7 * MiB, last: 9 * MiB } });
    assert(bytes.subarray(7 * MiB, 9 * MiB + 1).equals(await part.bytes()));
  });

  it("knows nothing of it but chunks: no address is told to anybody", async () => {
    const { link } = await client.putPrivate(randomBytes(100, 42) as Uint8Array<ArrayBuffer>);

    const manifest = Buffer.from(await (await fetch(`${node.url}/m/${link.slice(5, 69)}`)).arrayBuffer());

    assert(manifest.includes("cepa-private/1") && !manifest.includes("object"));
    assert.equal((await fetch(`${node.url}/o/b3:${link.slice(5, 69)}`)).status, 404);
  });

  it("stores 300 MiB from standard input in less memory than that, and gives them back in it", async () => {
    const sizeBytes = 300 * MiB;
    const put = spawn(process.execPath, [MAIN, "put", "--private", "-", "--url", node.url]);
    const piece = randomBytes(MiB, 43);
    for (let sent = 0; sent < sizeBytes; sent += piece.length) {
      if (!put.stdin.write(piece)) await once(put.stdin, "drain");
    }
    const putPeak = peakBytes(put.pid);
    put.stdin.end();
    const [line] = (await once(put.stdout, "data")) as [Buffer];
    const link = line.toString().trim();

    const get = spawn(process.execPath, [MAIN, "get", "-", "--url", node.url]);
    get.stdin.end(link);
    let got = 0;
    let getPeak = 0;
    for await (const bytes of get.stdout as AsyncIterable<Buffer>) {
      got += bytes.length;
      if (got > sizeBytes - 8 * MiB) getPeak ||= peakBytes(get.pid);
    }

    assert.equal(got, sizeBytes);
    assert(putPeak > 0 && getPeak > 0);
    assert(putPeak < 250 * MiB && getPeak < 250 * MiB, `${putPeak} and ${getPeak} bytes`);
  });
});

/** The most that the process ever had in memory. */
function peakBytes(pid: number | undefined): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}
