/** Auth through its streams and its protocol, over a directory in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newProducer } from "#test/actors/auth/producer.ts";
import { startAuth } from "#test/actors/auth/start-auth.ts";

describe("auth: a producer", () => {
  it("registers, is approved, exchanges its key for a token, and is admitted with it", async () => {
    const auth = await startAuth();
    const producer = await newProducer(auth.authority);
    const { fingerprint } = producer;
    const request = await producer.sign({ producer_hint: "binance" });

    const [pending] = await auth.register(request);

    const producerId = pending?.["producer_id"] ?? "";
    assert.deepEqual(pending, { fingerprint, producer_id: producerId, status: "pending" });
    await auth.review("approve", producer, producerId);
    const told = await auth.answers(`fdc:register:resp:${request["nonce"]}`);
    assert.deepEqual(told.slice(1), [{ fingerprint, producer_id: producerId, status: "approved" }]);
    const token = await auth.token(producer, producerId);
    assert.deepEqual(await auth.admit(token), [{ kind: "admitted", producerId, subjectId: undefined }]);
  });
});
