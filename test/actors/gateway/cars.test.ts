/** CARs through gateway: who gets one, what it says of itself, and what becomes of one that is sent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address, Digest } from "#actors/domain/address.ts";
import { acceptsCar } from "#actors/gateway/cars.ts";
import type { Failure } from "#runtime/errors.ts";
import { FakeOverlay, MemorySource, manifestOf } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const hello = Buffer.from("hello");
const address: Address = new FakeOverlay().add(hello);
const root: Digest = manifestOf(address);
const accept = "application/vnd.ipld.car; version=1";

describe("gateway: Accept", () => {
  const CAR = "application/vnd.ipld.car";
  for (const [field, expected] of [
    [undefined, false],
    ["*/*", false],
    ["application/*", false],
    [CAR, true],
    ["Application/Vnd.IPLD.Car", true],
    [`text/html, ${CAR};q=0.5`, true],
    [`${CAR}; version=1; order=dfs; dups=y`, true],
    [`${CAR}; version="1"`, true],
    [`${CAR};dups=n, ${CAR}`, true],
    [`${CAR};dups=n, */*`, false],
    [`${CAR};q=0, */*`, false],
    [`${CAR};dups=n`, "refused"],
    [`${CAR};version=2`, "refused"],
    [`${CAR};order=unk`, "refused"],
    [`${CAR};q=0`, "refused"],
  ] as const) {
    it(`${field ?? "left out"}: ${expected === "refused" ? "nothing that is made here" : expected ? "a CAR" : "bytes"} (GW-15)`, () => {
      const accepts = acceptsCar(field);

      assert.equal(accepts.ok ? accepts.value : "refused", expected);
    });
  }
});

describe("gateway: GET of a CAR", () => {
  const what = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "content-type": "application/vnd.ipld.car; version=1; order=dfs; dups=y",
    "accept-ranges": "none",
    vary: "Accept",
    etag: `"b3:${root}.car"`,
  };

  it("answers for an object, to be asked for again, and for a root, to be kept for ever (GW-15)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.add(hello);

    const object = await send(edge, { target: `/o/${address}`, headers: { accept, range: "bytes=0-1" } });
    const manifest = await send(edge, { target: `/m/${root}`, headers: { accept } });

    const { "x-correlation-id": _, ...said } = object.headers;
    assert.deepEqual(said, { ...what, "cache-control": "public, no-cache", "content-length": "9" });
    assert.deepEqual([object.status, object.body.toString()], [200, "car:hello"]);
    assert.equal(manifest.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.deepEqual([manifest.status, manifest.headers["etag"]], [200, what.etag]);
  });

  it("says the same to HEAD, 304 to who has it, and lets go of the bytes (GW-15)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.add(hello);

    const head = await send(edge, { method: "HEAD", target: `/o/${address}`, headers: { accept } });
    const known = await send(edge, { target: `/o/${address}`, headers: { accept, "if-none-match": what.etag } });

    assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, "9", 0]);
    assert.deepEqual([known.status, known.body.length], [304, 0]);
    assert.deepEqual(
      overlay.sources.map(({ failure }) => failure?.code),
      ["runtime.call-ended", "runtime.call-ended"],
    );
  });

  it("streams one that is long, and cuts it where the bytes fail", async () => {
    const { edge, overlay } = await openSimulated();
    const long = Buffer.alloc(700_000, "long");
    const longAddress = overlay.add(long);
    const get = () => send(edge, { target: `/o/${longAddress}`, headers: { accept } });

    const whole = await get();
    overlay.failing = { afterBytes: 400_000, failure: { code: "storage.corrupt" } };
    const cut = await get();

    assert.equal(whole.body.length, 700_004);
    assert.deepEqual([cut.complete, cut.body.length < 700_004], [false, true]);
  });

  it("refuses a form that is not made here with 406 (GW-15)", async () => {
    const { edge, overlay } = await openSimulated();

    const answer = await send(edge, {
      target: `/o/${address}`,
      headers: { accept: "application/vnd.ipld.car;dups=n" },
    });

    assert.deepEqual([answer.status, json(answer)["code"], overlay.calls], [406, "gateway.not-acceptable", []]);
  });
});

describe("gateway: POST /car", () => {
  it("answers like a put (GW-25)", async () => {
    const { edge } = await openSimulated();
    const post = () => send(edge, { method: "POST", target: "/car", body: new MemorySource(hello), contentLength: 5 });

    const first = await post();
    const second = await post();

    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.deepEqual(json(first), { address, size: 5, chunks: 1, manifest: root });
    assert.equal(first.headers["location"], `/o/${address}`);
  });

  it("refuses what is no CAR, with what is wrong and where (GW-25)", async () => {
    const { edge, overlay } = await openSimulated();
    overlay.failures.putCar = { code: "overlay.car-refused", problem: "bad-cid", atByte: 60 } as Failure;

    const answer = await send(edge, { method: "POST", target: "/car", body: new MemorySource(hello) });

    assert.equal(answer.status, 400);
    assert.equal(json(answer)["code"], "overlay.car-refused");
    assert.match(String(json(answer)["message"]), /bad-cid at byte 60\. Nothing was kept/);
  });

  it("counts the whole CAR as the object, is a write, and takes no part of one (GW-21, GW-23, GW-41)", async () => {
    const { edge, overlay } = await openSimulated({ config: { objectSizeBytesMax: 5 } });
    const post = (content: string, headers = {}) =>
      send(edge, { method: "POST", target: "/car", body: new MemorySource(Buffer.from(content)), headers });

    const statuses = [
      await post("hello!"),
      await post("hello", { "content-range": "bytes 0-4/9" }),
      await post("hello", { origin: "https://elsewhere.example" }),
      await send(edge, { target: "/car" }),
    ].map(({ status }) => status);

    assert.deepEqual(statuses, [413, 400, 403, 405]);
    assert.equal(overlay.objects.size, 0);
  });
});
