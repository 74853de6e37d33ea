/** Objects through the real process tree, in every profile: what was put comes back, byte for byte. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { MiB } from "#runtime/units.ts";
import { readMultipart } from "#test/kit/multipart.ts";
import { type Profile, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, putObject, randomBytes } from "#test/kit/objects.ts";

for (const profile of ["tree", "edge", "single"] satisfies Profile[]) {
  describe(`objects (${profile})`, () => {
    let node: TestNode;
    before(async () => {
      node = await startNode({ profile });
    });
    after(() => node.dispose());

    for (const [name, sizeBytes] of [
      ["empty", 0],
      ["1 B", 1],
      ["64 KiB", 65_536],
      ["1 MiB - 1", MiB - 1],
      ["1 MiB", MiB],
      ["1 MiB + 1", MiB + 1],
      ["9 MiB", 9 * MiB],
    ] as const) {
      it(`returns what was put (${name})`, async () => {
        const bytes = randomBytes(sizeBytes, sizeBytes + 1);

        const receipt = await putObject(node.url, bytes);

        assert.equal(receipt.address, addressOf(bytes));
        assert.equal(receipt.size, sizeBytes);
        assert.equal(receipt.status, 201);
        await mustHold(node.url, bytes);
      });
    }

    it("returns 300 MiB of random bytes", async () => {
      const bytes = randomBytes(300 * MiB, 3);

      const receipt = await putObject(node.url, bytes);

      assert.equal(receipt.address, addressOf(bytes));
      assert(receipt.chunks >= 75 && receipt.chunks <= 300, `chunks of 1 to 4 MiB, not ${receipt.chunks}`);
      await mustHold(node.url, bytes);
    });

    it("answers 200 and stores nothing new the second time", async () => {
      const bytes = randomBytes(3 * MiB, 77);
      const first = await putObject(node.url, bytes);
      const before = await storedBytes(node);

      const second = await putObject(node.url, bytes);

      assert.deepEqual([first.status, second.status], [201, 200]);
      assert.equal(second.manifest, first.manifest);
      assert.equal(await storedBytes(node), before);
    });

    it("serves 64 clients at once", async () => {
      const objects = Array.from({ length: 64 }, (_, index) => randomBytes(1 + index * 40_961, 1000 + index));

      await Promise.all(objects.map((bytes) => putObject(node.url, bytes)));

      await Promise.all(objects.map((bytes) => mustHold(node.url, bytes)));
    });

    it("serves a range, a HEAD, and a 304 to a client that has it", async () => {
      const bytes = randomBytes(5 * MiB, 5);
      const { address } = await putObject(node.url, bytes);
      const target = `${node.url}/o/${address}`;

      const range = await fetch(target, { headers: { range: "bytes=1048570-3145740" } });
      const body = Buffer.from(await range.arrayBuffer());
      const head = await fetch(target, { method: "HEAD" });
      const cached = await fetch(target, { headers: { "if-none-match": `"${address}"` } });
      const beyond = await fetch(target, { headers: { range: `bytes=${bytes.byteLength}-` } });

      assert.equal(range.status, 206);
      assert.equal(range.headers.get("content-range"), `bytes 1048570-3145740/${bytes.byteLength}`);
      assert(body.equals(bytes.subarray(1_048_570, 3_145_741)));
      assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(bytes.byteLength)]);
      assert.equal(head.headers.get("etag"), `"${address}"`);
      assert.equal(cached.status, 304);
      assert.equal(beyond.status, 416);
    });

    it("serves several ranges at once, out of order, each with the bytes asked for (GW-84)", async () => {
      const bytes = randomBytes(9 * MiB, 15);
      const { address } = await putObject(node.url, bytes);

      const ranges = "bytes=8000000-8999999,5-5,1000000-4000000,3999990-4194310,-1";
      const answer = await fetch(`${node.url}/o/${address}`, { headers: { range: ranges } });
      const body = Buffer.from(await answer.arrayBuffer());

      assert.deepEqual([answer.status, answer.headers.get("content-length")], [206, String(body.length)]);
      const parts = readMultipart(answer.headers.get("content-type") ?? undefined, body);
      assert.deepEqual(
        parts.map(({ firstByte, bytes: part }) => [firstByte, part.length]),
        [
          [8_000_000, 1_000_000],
          [5, 1],
          [1_000_000, 3_194_311],
          [9 * MiB - 1, 1],
        ],
      );
      for (const { firstByte, bytes: part } of parts) {
        assert(part.equals(bytes.subarray(firstByte, firstByte + part.length)));
      }
    });

    for (const sizeBytes of [3, MiB + 1, 9 * MiB]) {
      it(`keeps nothing of ${sizeBytes} bytes that are not what their digest says (GW-83)`, async () => {
        const bytes = randomBytes(sizeBytes, 16 + sizeBytes);
        const before = await storedBytes(node);
        const put = async (content: Uint8Array): Promise<readonly unknown[]> => {
          const digest = createHash("sha256").update(bytes).digest("base64");
          const answer = await fetch(`${node.url}/put`, {
            method: "PUT",
            body: content as Uint8Array<ArrayBuffer>,
            headers: { "repr-digest": `sha-256=:${digest}:` },
          });
          return [answer.status, ((await answer.json()) as { code?: string }).code];
        };

        const damaged = Buffer.from(bytes);
        damaged.writeUInt8(damaged.readUInt8(sizeBytes - 1) ^ 1, sizeBytes - 1);
        const refused = await put(damaged);
        const storedAfter = await storedBytes(node);
        const found = await fetch(`${node.url}/o/${addressOf(damaged)}`);
        const taken = await put(bytes);

        assert.deepEqual(refused, [422, "gateway.digest-mismatch"]);
        assert.equal(storedAfter, before);
        assert.equal(found.status, 404);
        assert.deepEqual(taken, [201, undefined]);
        await mustHold(node.url, bytes);
      });
    }

    it("keeps nothing of a body that is not what its address says", async () => {
      const bytes = randomBytes(2 * MiB, 6);
      const before = await storedBytes(node);

      const other = addressOf(Buffer.from("something else"));
      const refused = await fetch(`${node.url}/o/${other}`, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> });

      assert.equal(refused.status, 422);
      assert.equal(((await refused.json()) as { code: string }).code, "storage.address-mismatch");
      assert.equal((await fetch(`${node.url}/o/${addressOf(bytes)}`)).status, 404);
      assert.equal(await storedBytes(node), before);
    });

    it("answers bad and unknown addresses, unknown routes and methods, each with a code", async () => {
      const asked = await Promise.all(
        [
          fetch(`${node.url}/o/b3:xyz`),
          fetch(`${node.url}/o/${addressOf(Buffer.from("nobody put this"))}`),
          fetch(`${node.url}/nowhere`),
          fetch(`${node.url}/put`, { method: "DELETE" }),
        ].map(async (pending) => {
          const response = await pending;
          const body = (await response.json()) as Record<string, unknown>;
          assert.deepEqual(Object.keys(body).sort(), ["code", "corr_id", "message", "retryable"]);
          assert.equal(body["corr_id"], response.headers.get("x-correlation-id"));
          return response.status;
        }),
      );

      assert.deepEqual(asked, [400, 404, 404, 405]);
    });
  });
}

async function storedBytes(node: TestNode): Promise<number> {
  const status = (await (await fetch(`${node.url}/status`)).json()) as {
    store: { storage: { storedBytes: number } };
  };
  const { storedBytes } = status.store.storage;
  assert.equal(typeof storedBytes, "number");
  return storedBytes;
}
