/** Several ranges in one request: what a client of the simulated edge gets. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RANGE_GAP_BYTES_MAX, RANGES_MAX } from "#actors/gateway/range.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { manifestOf } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";
import { readMultipart } from "#test/kit/multipart.ts";

const KiB = 1024;

/** No two windows of it are alike. */
const contentOf = (sizeBytes: number): Buffer =>
  Buffer.from(
    Uint32Array.from({ length: Math.ceil(sizeBytes / 4) }, (_, index) => index * 2_654_435_761).buffer,
  ).subarray(0, sizeBytes);

async function openWith(sizeBytes: number) {
  const opened = await openSimulated();
  const content = contentOf(sizeBytes);
  const address = opened.overlay.add(content);
  const get = (range: string, headers: Record<string, string> = {}, method = "GET"): Promise<SimulatedAnswer> =>
    send(opened.edge, { method, target: `/o/${address}`, headers: { range, ...headers } });
  const partsOf = (answer: SimulatedAnswer) => {
    assert.equal(answer.status, 206);
    assert.equal(answer.headers["content-length"], String(answer.body.length));
    return readMultipart(answer.headers["content-type"], answer.body);
  };
  return { ...opened, content, address, get, partsOf };
}

describe("gateway: several ranges", () => {
  it("are answered with one part each, in the order asked for (GW-84)", async () => {
    const { get, partsOf, content, address } = await openWith(5000);

    const answer = await get("bytes=4000-4099, 0-9,-5");

    const part = (firstByte: number, end: number) => ({
      firstByte,
      sizeBytes: 5000,
      contentType: "application/octet-stream",
      bytes: content.subarray(firstByte, end),
    });
    assert.deepEqual(partsOf(answer), [part(4000, 4100), part(0, 10), part(4995, 5000)]);
    assert.equal(answer.headers["content-range"], undefined);
    assert.equal(answer.headers["etag"], `"${address}"`);
    assert.equal(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(answer.headers["content-security-policy"], "sandbox; default-src 'none'");
  });

  it("that overlap or nearly touch are one part, and no byte is sent twice (GW-87)", async () => {
    const { get, partsOf, content } = await openWith(5000);
    const far = 1000 + RANGE_GAP_BYTES_MAX + 1;

    const overlapping = await get(`bytes=2000-2999,0-599,500-999,0-999,${far}-${far}`);

    assert.deepEqual(
      partsOf(overlapping).map(({ firstByte, bytes }) => [firstByte, bytes.length]),
      [
        [2000, 1000],
        [0, 1000],
        [far, 1],
      ],
    );
    assert.deepEqual(partsOf(overlapping)[1]?.bytes, content.subarray(0, 1000));
  });

  it("of which one is left are answered as one range is", async () => {
    const { get, content, overlay } = await openWith(1000);

    for (const range of ["bytes=0-9,10-19", "bytes=0-19,5000-", "bytes=5000-,0-19,-0"]) {
      const answer = await get(range);
      assert.equal(answer.status, 206);
      assert.equal(answer.headers["content-range"], "bytes 0-19/1000");
      assert.equal(answer.headers["content-type"], "application/octet-stream");
      assert.deepEqual(answer.body, content.subarray(0, 20));
    }
    assert.deepEqual(new Set(overlay.calls), new Set(["stat", "get"]));
  });

  it("of which none lies in the object are 416 with its size (GW-84)", async () => {
    const { get } = await openWith(1000);

    const answer = await get("bytes=1000-,2000-3000,-0");

    assert.deepEqual([answer.status, json(answer)["code"]], [416, "overlay.range-unsatisfiable"]);
    assert.equal(answer.headers["content-range"], "bytes */1000");
  });

  it("are at most RANGES_MAX; one more is 416, before a byte is read (GW-87)", async () => {
    const { get, partsOf, overlay } = await openWith(64 * KiB);
    const many = (count: number): string =>
      Array.from({ length: count }, (_, at) => `${at * 1000}-${at * 1000}`).join();

    const atLimit = await get(`bytes=${many(RANGES_MAX)}`);
    overlay.calls.length = 0;
    const pastLimit = await get(`bytes=${many(RANGES_MAX + 1)}`);

    assert.equal(partsOf(atLimit).length, RANGES_MAX);
    assert.deepEqual([pastLimit.status, json(pastLimit)["code"]], [416, "gateway.too-many-ranges"]);
    assert.equal(pastLimit.headers["content-range"], `bytes */${64 * KiB}`);
    assert.deepEqual(overlay.calls, ["stat"]);
  });

  it("are answered by the root of a manifest as by an address (GW-14)", async () => {
    const { edge, partsOf, content, address } = await openWith(5000);
    const root = manifestOf(address);

    const answer = await send(edge, { target: `/m/${root}/data`, headers: { range: "bytes=4000-4001,0-1" } });

    assert.deepEqual(
      partsOf(answer).map(({ firstByte, bytes }) => [firstByte, bytes]),
      [
        [4000, content.subarray(4000, 4002)],
        [0, content.subarray(0, 2)],
      ],
    );
    assert.equal(answer.headers["etag"], `"b3:${root}"`);
  });

  it("are ignored on HEAD, and where If-Range names another object", async () => {
    const { get, address } = await openWith(1000);

    const head = await get("bytes=0-0,500-500", {}, "HEAD");
    const stale = await get("bytes=0-0,500-500", { "if-range": `W/"${address}"` });
    const fresh = await get("bytes=0-0,500-500", { "if-range": `"${address}"` });

    assert.deepEqual([head.status, head.headers["content-length"]], [200, "1000"]);
    assert.deepEqual([stale.status, stale.body.length], [200, 1000]);
    assert.equal(fresh.status, 206);
  });

  it("of an object that is not here are 404", async () => {
    const { edge } = await openWith(10);

    const answer = await send(edge, { target: `/o/b3:${"0".repeat(64)}`, headers: { range: "bytes=0-1,5-6" } });

    assert.deepEqual([answer.status, json(answer)["code"]], [404, "overlay.unknown"]);
  });

  it("are read one after another: one part is open at a time, and only what is asked for is read (GW-84)", async () => {
    const { get, partsOf, overlay, content } = await openWith(4_000_000);
    let openMax = 0;
    const { call } = overlay;
    overlay.call = function (this: typeof overlay, ...args) {
      openMax = Math.max(openMax, overlay.sources.filter(({ ended }) => !ended).length + 1);
      return call.apply(this, args);
    };

    const answer = await get("bytes=3000000-3999999,0-999999,1500000-1500001");

    const parts = partsOf(answer);
    assert.deepEqual(
      parts.map(({ firstByte, bytes }) => [firstByte, bytes.length]),
      [
        [3_000_000, 1_000_000],
        [0, 1_000_000],
        [1_500_000, 2],
      ],
    );
    for (const { firstByte, bytes } of parts)
      assert(content.subarray(firstByte, firstByte + bytes.length).equals(bytes));
    assert.equal(openMax, 1);
  });

  it("are 502 while no byte was sent, and cut after it, never ended as if they were whole (GW-12)", async () => {
    for (const [sizeBytes, ranges] of [
      [5000, "bytes=0-99,4000-4099"],
      [2_000_000, "bytes=0-899999,1000000-1999999"],
    ] as const) {
      const { get, overlay, edge } = await openWith(sizeBytes);
      overlay.failing = { afterBytes: 0, failure: { code: "storage.corrupt" } };

      const answer = await get(ranges);

      assert.deepEqual([answer.status, json(answer)["code"]], [502, "storage.corrupt"]);
      assert.equal(edge.openRequestCount, 0);
    }

    const { get, overlay, edge } = await openWith(2_000_000);
    const { call } = overlay;
    let getCount = 0;
    overlay.call = function (this: typeof overlay, name, ...args) {
      if (name === "get") getCount += 1;
      if (getCount === 2) overlay.failing = { afterBytes: 1000, failure: { code: "storage.corrupt" } };
      return call.call(this, name, ...args);
    };
    const cut = await get("bytes=0-899999,1000000-1999999");
    assert.deepEqual([cut.status, cut.complete], [206, false]);
    assert(cut.body.length < 901_500);
    assert.equal(edge.openRequestCount, 0);
  });

  it("are cut where a later part is gone, or the client went away while it was opened", async () => {
    const { get, overlay } = await openWith(2_000_000);
    const { call } = overlay;
    overlay.call = function (this: typeof overlay, name, ...args) {
      if (overlay.sources.length === 1) overlay.failures.get = { code: "overlay.unknown" };
      return call.call(this, name, ...args);
    };

    const answer = await get("bytes=0-899999,1000000-1999999");

    assert.deepEqual([answer.status, answer.complete], [206, false]);
    assert(answer.body.length <= 900_200);
  });

  it("come to the bytes asked for, whatever is asked", async () => {
    const sizeBytes = 3000;
    const { get, partsOf, content } = await openWith(sizeBytes);
    const range = fc.oneof(
      fc.tuple(fc.nat(3300), fc.nat(600)).map(([first, more]) => `${first}-${first + more}`),
      fc.nat(3300).map((first) => `${first}-`),
      fc.nat(700).map((suffix) => `-${suffix}`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 2, maxLength: 8 }), async (ranges) => {
        const wanted = new Set(
          [...content.keys()].filter((at) =>
            ranges.some((text) => {
              const [first = "", last = ""] = text.split("-");
              if (first === "") return at >= sizeBytes - Number(last);
              return at >= Number(first) && at <= (last === "" ? sizeBytes : Number(last));
            }),
          ),
        );

        const answer = await get(`bytes=${ranges.join(", ")}`);

        if (wanted.size === 0) return assert.equal(answer.status, 416);
        assert.equal(answer.status, 206);
        const single = /^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1];
        const parts =
          single === undefined ? partsOf(answer) : [{ firstByte: Number(single), bytes: Buffer.from(answer.body) }];
        const sent = new Set<number>();
        for (const { firstByte, bytes } of parts) {
          assert(content.subarray(firstByte, firstByte + bytes.length).equals(bytes));
          for (let at = 0; at < bytes.length; at += 1) sent.add(firstByte + at);
        }
        assert([...wanted].every((at) => sent.has(at)));
      }),
      { numRuns: 300 },
    );
  });
});
