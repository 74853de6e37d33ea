/** `cepa events get`, against a gateway with a real listener for administrators. Ingest is a fake. */
import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getEvent } from "#cli/events.ts";
import type { Outcome } from "#cli/failure.ts";
import { ok } from "#runtime/errors.ts";
import { storedEvent } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { openAdminGateway } from "#test/cli/admin-gateway.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const gateway = await openAdminGateway();
const { ingest, trust } = gateway;
after(() => gateway.close());

const { eventId: ID } = storedEvent("{}");
const run = (...args: readonly string[]): Promise<Ran> =>
  cepa(["events", "get", ...args, "--url", gateway.edge.url], { env: { CEPA_ADMIN: trust } });
const here = { admin: trust, url: gateway.edge.url };
const codeOf = (outcome: Outcome): string => (outcome.ok ? "done" : outcome.failure.code);

beforeEach(() => {
  ingest.event = undefined;
});

describe("cli: events get", () => {
  it("prints an event in one line, its payload with every digit", async () => {
    const payload = '{"price": 0.12345678901234567890, "name": "\u202e\\u001b"}';
    ingest.event = storedEvent(payload);

    const { code, stdout, stderr } = await run(ID.toUpperCase());

    assert.deepEqual([code, stderr], [0, ""]);
    // As a terminal takes it for text, which is the same JSON.
    assert(stdout.endsWith(`,"payload":${payload.replace("\u202e", "\\u202e")}}\n`), stdout);
    assert.equal(JSON.parse(stdout).ts, "2025-10-09T08:53:20.123456789Z");
  });

  it("knows none that was not committed, and asks for none by what is no UUID", async () => {
    const wrong = await run(`${ID}a`);

    assert.equal(codeOf(await getEvent(ID, here)), "ingest.event-unknown");
    assert.equal(wrong.code, 2);
  });

  it("asks again while the node has not linked its cells, and no longer than that is worth", async () => {
    const away = { code: "runtime.not-connected", actor: "ingest", executed: "no" } as const;
    ingest.event = storedEvent("{}");
    ingest.failure = away;
    const asking = getEvent(ID, here);
    await sleep(500);
    ingest.failure = undefined;
    const linked = await asking;
    const askedCount = ingest.asked.length;
    ingest.failure = { code: "ingest.unavailable", cause: "it is away" } as never;
    const other = await getEvent(ID, here);
    ingest.failure = undefined;

    assert.deepEqual([codeOf(linked), codeOf(other)], ["done", "ingest.unavailable"]);
    assert.equal(ingest.asked.length, askedCount + 1, "nothing else is asked again");
  });

  it("takes no other event for the one that was asked for", async () => {
    const { call } = ingest;
    const other = "00000000-0000-4000-8000-00000000000b";
    ingest.call = async () => ok({ ...storedEvent("{}"), eventId: other }) as never;
    const outcome = await getEvent(ID, here);
    ingest.call = call;

    assert.equal(codeOf(outcome), "cli.bad-answer");
  });
});
