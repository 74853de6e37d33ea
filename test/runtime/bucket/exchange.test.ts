/** HTTP exchanges with a real server that leaves requests without an answer. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { must } from "#runtime/errors.ts";
import { createExchange, EXCHANGES_MAX } from "#runtime/real/exchange.ts";

describe("exchange: send", () => {
  it("has a connection of its own for a request that is apart, also while all others are taken", async (context) => {
    const arrived: string[] = [];
    const server = createServer((asked, answer) => {
      arrived.push(asked.url ?? "");
      if (asked.url === "/apart") answer.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    const exchange = createExchange(must(parseBucketUrl(`http://127.0.0.1:${address.port}/packs`, "path"), "a URL"));
    context.after(() => {
      exchange.close();
      server.closeAllConnections();
      server.close();
    });
    const asked = { method: "GET", headers: {}, body: [], answerBytesMax: 1 } as const;
    const over = new AbortController();
    const waiting = Array.from({ length: EXCHANGES_MAX + 1 }, () =>
      exchange.send({ ...asked, target: "/never" }, over.signal),
    );

    const apart = await exchange.send({ ...asked, target: "/apart", isApart: true }, AbortSignal.timeout(5000));
    over.abort();

    assert.equal(apart.ok && apart.value.status, 200);
    assert((await Promise.all(waiting)).every((answer) => !answer.ok));
    assert(arrived.filter((url) => url === "/never").length <= EXCHANGES_MAX);
  });
});
