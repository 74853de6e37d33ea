/** The quotas of gateway: exhausted, separate, and free again when a request is over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

/** A promise and the function that keeps it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const codeOf = (answer: SimulatedAnswer): unknown => [answer.status, json(answer)["code"]];

describe("gateway: admission", () => {
  it("refuses the read that is one too many with 503, and takes it when another is over (GW-50)", async () => {
    const { edge, overlay } = await openSimulated({ config: { readRequestsMax: 2 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;

    const under = [send(edge, { target }), send(edge, { target })];
    const refused = await send(edge, { target });
    open();
    await Promise.all(under);
    const taken = await send(edge, { target });

    assert.deepEqual(codeOf(refused), [503, "gateway.overloaded"]);
    assert.equal(taken.status, 200);
  });

  it("keeps writes and health apart from reads: a flood of one leaves the others room (GW-51)", async () => {
    const { edge, overlay } = await openSimulated({ config: { readRequestsMax: 1 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;
    const under = send(edge, { target });

    const write = await send(edge, { method: "PUT", target: "/put", body: new MemorySource(Buffer.from("w")) });
    const health = await send(edge, { target: "/healthz" });

    assert.equal(write.status, 201);
    assert.equal(health.status, 200);
    open();
    await under;
  });

  it("takes orders to look after the store while uploads have all their places (GW-51)", async () => {
    const { edge, overlay } = await openSimulated({ config: { writeRequestsMax: 1 } });
    // What whoever is let in is answered.
    const failure = { code: "storage.volume-unknown" };
    for (const name of ["collectGarbage", "scrubNow", "repair", "forgetVolume"] as const) {
      overlay.failures[name] = failure;
    }
    const { opened, open } = gate();
    const body = new MemorySource(Buffer.from("slow"));
    const read = body.read.bind(body);
    body.read = async (into) => {
      await opened;
      return await read(into);
    };
    const upload = send(edge, { method: "PUT", target: "/put", body });

    const refused = await send(edge, { method: "PUT", target: "/put", body: new MemorySource(Buffer.from("w")) });
    const statuses: number[] = [];
    for (const target of ["/gc", "/scrub", "/repair?action=pause", "/volumes?forget=0123456789abcdef"]) {
      statuses.push((await send(edge, { method: "POST", target })).status);
      const foreign = await send(edge, { method: "POST", target, headers: { origin: "https://elsewhere.example" } });
      assert.equal(foreign.status, 403, target);
    }
    open();

    assert.deepEqual(codeOf(refused), [503, "gateway.overloaded"]);
    assert.deepEqual(statuses, [404, 404, 404, 404]);
    assert.equal((await upload).status, 201);
  });

  it("refuses the client that has its share under way with 429, and nobody else (GW-52)", async () => {
    const { edge, overlay } = await openSimulated({ config: { requestsPerPeerMax: 1 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;

    const under = send(edge, { target, remote: "10.0.0.1" });
    const refused = await send(edge, { target, remote: "10.0.0.1" });
    const other = send(edge, { target, remote: "10.0.0.2" });
    open();

    assert.deepEqual(codeOf(refused), [429, "gateway.peer-limit"]);
    assert.equal((await other).status, 200);
    await under;
    assert.equal((await send(edge, { target, remote: "10.0.0.1" })).status, 200);
  });

  it("goes by the limits that are in force when a request comes; what is under way goes on (GW-50, GW-52)", {
    timeout: 10_000,
  }, async () => {
    const { config, edge, overlay } = await openSimulated({ config: { readRequestsMax: 3, requestsPerPeerMax: 2 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;
    const read = (remote: string) => send(edge, { target, remote });
    const under = [read("10.0.0.1"), read("10.0.0.2")];

    config.current = { ...config.current, readRequestsMax: 2 };
    const oneTooMany = await read("10.0.0.3");
    config.current = { ...config.current, readRequestsMax: 4, requestsPerPeerMax: 1 };
    const pastShare = await read("10.0.0.1");
    under.push(read("10.0.0.3"), read("10.0.0.4"));
    const pastRaised = await read("10.0.0.5");
    open();

    const refusals = [oneTooMany, pastShare, pastRaised];
    assert.deepEqual(refusals.map(codeOf), [
      [503, "gateway.overloaded"],
      [429, "gateway.peer-limit"],
      [503, "gateway.overloaded"],
    ]);
    assert.deepEqual(
      (await Promise.all(under)).map(({ status }) => status),
      [200, 200, 200, 200],
    );
  });

  it("leaves the other clients places for uploads, however many one client holds (GW-55)", async () => {
    const { edge } = await openSimulated({ config: { writeRequestsMax: 3, writeRequestsPerPeerMax: 2 } });
    const { opened, open } = gate();
    const upload = (remote: string, text: string) => {
      const body = new MemorySource(Buffer.from(text));
      const read = body.read.bind(body);
      body.read = async (into) => {
        await opened;
        return await read(into);
      };
      return send(edge, { method: "PUT", target: "/put", body, remote });
    };

    const under = [upload("10.0.0.1", "a"), upload("10.0.0.1", "b")];
    const refused = await upload("10.0.0.1", "c");
    const reading = await send(edge, { target: `/stat/b3:${"0".repeat(64)}`, remote: "10.0.0.1" });
    const other = upload("10.0.0.2", "d");
    open();

    assert.deepEqual(codeOf(refused), [429, "gateway.peer-limit"]);
    assert.equal(json(refused)["message"], "This client has 2 requests of this kind under way, the limit.");
    assert.equal(reading.status, 404);
    assert.deepEqual(
      (await Promise.all([...under, other])).map(({ status }) => status),
      [201, 201, 201],
    );
    assert.equal((await upload("10.0.0.1", "c")).status, 201);
  });

  it("takes a quarter of all reads and uploads from one client by default, and not one more", async () => {
    const { edge, overlay } = await openSimulated();
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;
    const remote = "10.0.0.1";
    const sent = (count: number, from: string) =>
      Array.from({ length: count }, () => send(edge, { target, remote: from }));
    const put = (index: number) => {
      const body = new MemorySource(Buffer.from(`${index}`));
      const read = body.read.bind(body);
      body.read = async (into) => {
        await opened;
        return await read(into);
      };
      return send(edge, { method: "PUT", target: "/put", remote, body });
    };

    const uploads = Array.from({ length: 32 }, (_, index) => put(index));
    const uploadTooMany = put(32);
    const reads = sent(96, remote);
    const readTooMany = send(edge, { target, remote });
    const others = ["10.0.0.2", "10.0.0.3", "::1"].flatMap((from) => sent(128, from));
    await new Promise(setImmediate);
    open();

    assert.deepEqual((await Promise.all([uploadTooMany, readTooMany])).map(codeOf), [
      [429, "gateway.peer-limit"],
      [429, "gateway.peer-limit"],
    ]);
    assert.deepEqual(new Set((await Promise.all(uploads)).map(({ status }) => status)), new Set([201]));
    const statuses = (await Promise.all([...reads, ...others])).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  for (const remote of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]) {
    it(`gives all places to the programs of this machine, which share one address (${remote})`, async () => {
      const config = { requestsPerPeerMax: 1, readRequestsMax: 3, writeRequestsPerPeerMax: 1, writeRequestsMax: 2 };
      const { edge, overlay } = await openSimulated({ config });
      const target = `/o/${overlay.add(Buffer.from("hello"))}`;
      const { opened, open } = gate();
      overlay.gate = opened;

      const under = [1, 2, 3].map(() => send(edge, { target, remote }));
      const refused = await send(edge, { target, remote });
      open();

      assert.deepEqual(codeOf(refused), [503, "gateway.overloaded"]);
      assert.deepEqual(
        (await Promise.all(under)).map(({ status }) => status),
        [200, 200, 200],
      );
    });
  }

  for (const remote of ["128.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", ""]) {
    it(`counts every other address as a client (${remote === "" ? "none" : remote})`, async () => {
      const { edge, overlay } = await openSimulated({ config: { requestsPerPeerMax: 1 } });
      const target = `/o/${overlay.add(Buffer.from("hello"))}`;
      const { opened, open } = gate();
      overlay.gate = opened;

      const under = send(edge, { target, remote });
      const refused = await send(edge, { target, remote });
      open();

      assert.deepEqual(codeOf(refused), [429, "gateway.peer-limit"]);
      assert.equal((await under).status, 200);
    });
  }

  it("refuses with 429 when the reads under way may hold all memory there is for them (GW-53)", async () => {
    const { edge, overlay } = await openSimulated({ config: { readBytesMax: 1024 * 1024 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    overlay.gate = opened;

    const under = [1, 2, 3, 4].map(() => send(edge, { target }));
    const refused = await send(edge, { target });
    open();

    assert.deepEqual(codeOf(refused), [429, "gateway.bytes-exceeded"]);
    await Promise.all(under);
    assert.equal((await send(edge, { target })).status, 200);
  });

  it("weighs a read by what it really holds once that is known", async () => {
    const { edge, overlay } = await openSimulated({ config: { readBytesMax: 1024 * 1024 } });
    const target = `/o/${overlay.add(Buffer.from("hello"))}`;
    const { opened, open } = gate();
    // Small bodies, each held by a client that does not take it yet.
    const write = async () => {
      await opened;
      return undefined;
    };

    const under = Array.from({ length: 64 }, () => send(edge, { target, write }));
    await new Promise(setImmediate);
    // Admitted four at a time, because each weighs 256 KiB until its size is known.
    const more = send(edge, { target, write });
    await new Promise(setImmediate);
    open();

    const answers = await Promise.all([...under, more]);
    assert.equal(answers.at(-1)?.status, 200);
  });

  it("makes large reads wait for buffers, first come first served, and refuses after reservationWaitMs (GW-54)", async () => {
    const config = { readBufferBytesMax: 256 * 1024, reservationWaitMs: 1000 };
    const { edge, overlay, clock } = await openSimulated({ config });
    const target = `/o/${overlay.add(Buffer.alloc(1_000_000))}`;
    const { opened, open } = gate();
    const slow = send(edge, {
      target,
      write: async () => {
        await opened;
        return undefined;
      },
    });
    await clock.settle();

    const impatient = send(edge, { target });
    await clock.advance(1000);
    assert.deepEqual(codeOf(await impatient), [503, "gateway.reservation-timeout"]);

    const next = send(edge, { target });
    await clock.advance(999);
    open();
    assert.deepEqual([(await slow).complete, (await next).complete], [true, true]);
    assert.equal((await send(edge, { target })).complete, true);
  });

  it("gives everything back when clients go away in the middle", async () => {
    const { edge, overlay, clock } = await openSimulated({
      config: { readBufferBytesMax: 256 * 1024, readRequestsMax: 1 },
    });
    const target = `/o/${overlay.add(Buffer.alloc(1_000_000))}`;

    for (let round = 0; round < 5; round += 1) {
      const leaving = new AbortController();
      const write = async () => {
        leaving.abort();
        return undefined;
      };
      const answer = await send(edge, { target, signal: leaving.signal, write });
      assert.equal(answer.complete, false);
    }
    await clock.settle();

    assert.equal((await send(edge, { target })).complete, true);
    assert.equal(edge.openRequestCount, 0);
  });
});
