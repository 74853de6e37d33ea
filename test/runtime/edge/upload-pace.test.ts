/** The pace of uploads: what counts is the time in which the client kept a reader waiting. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UploadPace } from "#runtime/edge/upload-pace.ts";
import { connect, statusesOf } from "#test/runtime/edge/raw-client.ts";
import { readAll, serviceOf, textResponse } from "#test/runtime/edge/service.ts";
import { echo, open } from "#test/runtime/edge/sockets.ts";

const limits = { uploadBytesPerSecondMin: 1024, paceWindowMs: 30_000 };
const tooSlow = (bytesPerSecond: number) => ({
  code: "gateway.upload-too-slow",
  bytesPerSecond,
  bytesPerSecondMin: 1024,
});

describe("upload pace", () => {
  it("takes the least pace, and not one byte less", () => {
    const at = new UploadPace(() => limits);
    const below = new UploadPace(() => limits);

    const atLimit = at.arrived(30 * 1024, 30_000);
    const pastLimit = below.arrived(30 * 1024 - 1, 30_000);

    assert.deepEqual([atLimit, pastLimit], [undefined, tooSlow(1023)]);
  });

  it("judges only when the client was waited for during a whole window", () => {
    const pace = new UploadPace(() => limits);

    const early = [pace.arrived(1, 15_000), pace.arrived(1, 14_999)];
    const late = pace.arrived(1, 1);

    assert.deepEqual([early, late], [[undefined, undefined], tooSlow(0)]);
  });

  it("begins a new window after one that was good, so that an early burst does not pay for ever", () => {
    const pace = new UploadPace(() => limits);

    const burst = pace.arrived(1_000_000_000, 30_000);
    const trickle = pace.arrived(1, 30_000);

    assert.deepEqual([burst, trickle], [undefined, tooSlow(0)]);
  });

  it("counts bytes that cost no wait", () => {
    const pace = new UploadPace(() => limits);

    pace.arrived(30 * 1024, 0);

    assert.equal(pace.arrived(1, 30_000), undefined);
  });

  it("is not kept where its minimum is 0", () => {
    const pace = new UploadPace(() => ({ ...limits, uploadBytesPerSecondMin: 0 }));

    assert.equal(pace.arrived(1, 1_000_000), undefined);
  });
});

describe("edge (sockets): slow uploads", () => {
  const head = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  const turns = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };

  it("fails an upload of a byte every 5 s when paceWindowMs have been waited (EDG-11)", async () => {
    const { edge, clock } = await open(echo);
    const client = connect(edge.url);
    client.send(head);
    await turns();

    let spentMs = 0;
    for (; client.text() === "" && spentMs < 120_000; spentMs += 5000) {
      await clock.advance(5000);
      client.send("a");
      await turns();
    }

    assert.equal(spentMs, 30_000);
    assert.match(client.text(), /failed: gateway\.upload-too-slow/);
    client.socket.destroy();
    await edge.close();
  });

  it("does not count the time in which nobody reads (EDG-11)", async () => {
    let release: () => void = () => undefined;
    const service = serviceOf(async ({ body }) => {
      const into = new Uint8Array(1024);
      for (let round = 0; round < 10; round += 1) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        if (((await body?.read(into)) ?? 0) <= 0) return textResponse(`failed: ${body?.failure?.code}`);
      }
      return textResponse(await readAll(body));
    });
    const { edge, clock } = await open(service);
    const client = connect(edge.url);
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");

    for (let round = 0; round < 10; round += 1) {
      client.send("a");
      await turns();
      await clock.advance(20_000);
      release();
      await turns();
    }

    await client.until("\r\n\r\n");
    assert.deepEqual(statusesOf(client.text()), [200]);
    assert(!client.text().includes("failed"), client.text());
    client.socket.destroy();
    await edge.close();
  });
});
