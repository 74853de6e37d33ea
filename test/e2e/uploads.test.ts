/** Uploads in pieces on a real node, by a public tus client as it is, with kill -9 in the middle. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { type DetailedError, type HttpResponse, Upload, type UploadOptions } from "tus-js-client";
import { MiB } from "#runtime/units.ts";
import { type Profile, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, mustHold, randomBytes } from "#test/kit/objects.ts";

/** Uploads to the end; answers with the last response. */
function upload(file: unknown, options: UploadOptions): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    new Upload(file as Buffer, {
      onSuccess: ({ lastResponse }) => resolve(lastResponse),
      onError: (error) => reject(error),
      ...options,
    }).start();
  });
}

const stagedFiles = ({ dataDirectory }: TestNode): readonly string[] =>
  readdirSync(join(dataDirectory, "staging")).filter((name) => name !== "journal");

for (const profile of ["tree", "edge", "single"] satisfies Profile[]) {
  describe(`uploads in pieces (${profile})`, () => {
    let node: TestNode;
    before(async () => {
      node = await startNode({ profile });
    });
    after(() => node.dispose());

    for (const [name, sizeBytes, options] of [
      ["nothing", 0, {}],
      ["one byte", 1, {}],
      ["one piece", 40 * MiB + 1, {}],
      ["pieces of 3 MiB", 10 * MiB + 5, { chunkSize: 3 * MiB }],
      ["the first piece with the beginning", 2 * MiB, { uploadDataDuringCreation: true }],
      ["a method that is said in a field", 2 * MiB + 1, { overridePatchMethod: true }],
    ] satisfies [string, number, UploadOptions][]) {
      it(`become an object, by tus-js-client (${name}) (GW-80)`, async () => {
        const bytes = randomBytes(sizeBytes, sizeBytes + 70);

        const last = await upload(bytes, {
          endpoint: `${node.url}/uploads/`,
          metadata: { filename: "ä b.bin" },
          ...options,
        });

        assert.equal(last.getHeader("cepa-address"), addressOf(bytes));
        await mustHold(node.url, bytes);
        assert.deepEqual(stagedFiles(node), []);
      });
    }

    it("become an object whose length was not known, by tus-js-client", async () => {
      const bytes = randomBytes(5 * MiB + 1, 71);
      const stream = Readable.from(
        (function* () {
          for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
        })(),
      );

      const endpoint = `${node.url}/uploads`;
      const last = await upload(stream, { endpoint, uploadLengthDeferred: true, chunkSize: 2 * MiB });

      assert.equal(last.getHeader("cepa-address"), addressOf(bytes));
      await mustHold(node.url, bytes);
    });

    it("are gone when the client ends them", async () => {
      const bytes = randomBytes(4 * MiB, 72);
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
      const aborted = new Upload(bytes, {
        endpoint: `${node.url}/uploads`,
        chunkSize: MiB,
        onChunkComplete: () => void aborted.abort(true).then(resolve, reject),
        onError: reject,
      });
      aborted.start();

      // The file goes after the record, so what says that it is over is the answer to the client.
      await ended;

      assert(aborted.url !== null);
      const found = await fetch(aborted.url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
      assert.equal(found.status, 404);
      assert.deepEqual(stagedFiles(node), []);
    });
  });
}

describe("uploads in pieces: kill -9", () => {
  it("in the middle of a piece: the same client goes on by itself when the node is back (STO-15)", async (test) => {
    let node = await startNode();
    test.after(() => node.dispose());
    const http = new URL(node.url).host;
    const bytes = randomBytes(120 * MiB, 73);
    const refusals: string[] = [];
    const offsets: number[] = [];
    let killing: Promise<void> | undefined;

    const last = await upload(bytes, {
      endpoint: `${node.url}/uploads`,
      retryDelays: Array.from({ length: 60 }, () => 250),
      onProgress: (sentBytes) => {
        // Far into the one PATCH that carries all of it, and behind the first sync.
        if (sentBytes > 60 * MiB) killing ??= restart();
      },
      onShouldRetry: (error: DetailedError) => {
        refusals.push(error.message);
        return true;
      },
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD" && response.getStatus() === 200)
          offsets.push(Number(response.getHeader("upload-offset")));
      },
    });
    await killing;

    assert(killing !== undefined, "the node was killed");
    assert(refusals.length > 0, "the client has seen it");
    assert((offsets[0] ?? 0) >= 8 * MiB && (offsets[0] ?? 0) < bytes.length, `resumed at ${offsets} after ${refusals}`);
    assert.equal(last.getHeader("cepa-address"), addressOf(bytes));
    await mustHold(node.url, bytes);
    assert.deepEqual(stagedFiles(node), []);

    async function restart(): Promise<void> {
      await node.killAll();
      const { dataDirectory } = node;
      node = await startNode({ dataDirectory, args: ["--http", http] });
    }
  });

  it("of the cell that stores it: what was answered is there, and another client ends it", async (test) => {
    const node = await startNode();
    test.after(() => node.dispose());
    const bytes = randomBytes(30 * MiB, 74);
    const first = new Upload(bytes, { endpoint: `${node.url}/uploads`, chunkSize: 5 * MiB, retryDelays: null });
    const stopped = new Promise<number>((resolve) => {
      first.options.onChunkComplete = (_size, acceptedBytes) => {
        if (acceptedBytes < 15 * MiB) return;
        void first.abort();
        resolve(acceptedBytes);
      };
    });
    first.start();
    const acceptedBytes = await stopped;

    await node.killCell("data");
    const uploadUrl = first.url;
    assert(uploadUrl !== null);
    const found = await fetch(uploadUrl, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
    const last = await upload(bytes, { uploadUrl });
    const after = await fetch(uploadUrl, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });

    assert(Number(found.headers.get("upload-offset")) >= acceptedBytes);
    assert.equal(last.getHeader("cepa-address"), addressOf(bytes));
    assert.equal(after.headers.get("cepa-address"), addressOf(bytes));
    await mustHold(node.url, bytes);
  });
});
