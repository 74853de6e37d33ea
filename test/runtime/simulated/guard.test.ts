/** The guard against the real world: every kind of touch is caught, with its stack, and nothing else is. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, randomBytes, randomUUID, sign, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { guarded, TouchedReality, unguarded } from "#runtime/real/guard.ts";

const bytes = new Uint8Array(1);
/** Any key will do. */
const key = createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 1)]),
  format: "der",
  type: "pkcs8",
});
const signature = sign(null, bytes, key);
const subtleKey = key.toCryptoKey("Ed25519", false, ["sign"]);

const touches: Readonly<Record<string, () => unknown>> = {
  Timeout: () => clearTimeout(setTimeout(() => undefined, 1)),
  Immediate: () => clearImmediate(setImmediate(() => undefined)),
  FSREQCALLBACK: () => readFile(import.meta.filename),
  TCPSERVERWRAP: () => createServer().listen(0).close(),
  WORKER: () => new Worker("0", { eval: true }).terminate(),
  PROCESSWRAP: () => execFile(process.execPath, ["--version"]),
  "Date.now": () => Date.now(),
  "new Date()": () => new Date(),
  "Date()": () => Date(),
  "Math.random": () => Math.random(),
  "performance.now": () => performance.now(),
  "process.hrtime": () => process.hrtime(),
  "process.hrtime.bigint": () => process.hrtime.bigint(),
  "crypto.randomBytes": () => randomBytes(1),
  "crypto.randomUUID": () => randomUUID(),
  "crypto.sign": () => new Promise((resolve) => sign(null, bytes, key, resolve)),
  "crypto.verify": () => new Promise((resolve) => verify(null, bytes, key, signature, resolve)),
  "crypto.subtle.sign": () => crypto.subtle.sign("Ed25519", subtleKey, bytes),
  "crypto.subtle.verify": () => crypto.subtle.verify("Ed25519", subtleKey, signature, bytes).catch(() => undefined),
  "crypto.getRandomValues": () => crypto.getRandomValues(new Uint8Array(1)),
};

describe("guard: what touches the real world (SIM-5)", () => {
  for (const [what, touch] of Object.entries(touches)) {
    it(`is caught with its stack (${what})`, async () => {
      const run = guarded(async () => {
        await undefined;
        const touched = await touch();
        return touched;
      });

      await assert.rejects(run, (error) => {
        assert(error instanceof TouchedReality);
        assert.equal(error.what, what);
        assert.match(error.stack ?? "", /guard\.test\.ts/);
        return true;
      });
    });
  }

  it("comes before what the run fails with, and only the first touch is told", async () => {
    const run = guarded(async () => {
      Math.random();
      Date.now();
      throw new RangeError("because of it");
    });

    await assert.rejects(run, { name: "Defect", what: "Math.random" });
  });

  it("is caught where it was begun inside and happens in a later turn", async () => {
    const later = Promise.withResolvers<void>();
    const run = guarded(async () => {
      const begun = later.promise.then(() => Date.now());
      later.resolve();
      await begun;
    });

    await assert.rejects(run, { what: "Date.now" });
  });
});

describe("guard: what is left alone", () => {
  it("is a run that makes promises, microtasks and dates from moments", async () => {
    const value = await guarded(async () => {
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      await new Promise<void>((resolve) => process.nextTick(resolve));
      const controller = new AbortController();
      controller.abort();
      structuredClone({ bytes: new Uint8Array(3) });
      return new Date(Date.UTC(2026, 0, 1)).toISOString();
    });

    assert.equal(value, "2026-01-01T00:00:00.000Z");
  });

  it("is a signature that is made and verified at once", async () => {
    assert.equal(await guarded(async () => verify(null, bytes, key, sign(null, bytes, key))), true);
  });

  it("is what others do meanwhile, and what drives the run", async () => {
    const inside = Promise.withResolvers<void>();
    const run = guarded(async () => {
      await inside.promise;
      await new Promise<void>((resolve) => unguarded(() => setImmediate(resolve)));
    });

    const outside = [Date.now(), Math.random(), performance.now()];
    await new Promise<void>((resolve) => setImmediate(resolve));
    inside.resolve();
    await run;

    assert.equal(outside.length, 3);
  });

  it("is everything after the last run: the readings are the platform's own again", async () => {
    const before = [Date, Date.now, Math.random, performance.now, process.hrtime, crypto.getRandomValues];
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const runs = [guarded(() => first.promise), guarded(() => second.promise)];

    first.resolve();
    await runs[0];
    assert.notEqual(Date, before[0], "one run is still under way");
    second.resolve();
    await runs[1];

    assert.deepEqual([Date, Date.now, Math.random, performance.now, process.hrtime, crypto.getRandomValues], before);
  });

  it("gives what the run gives, a failure of its own too", async () => {
    assert.equal(await guarded(async () => 7), 7);
    await assert.rejects(
      guarded(async () => Promise.reject(new RangeError("its own"))),
      /its own/,
    );
  });
});
