/** `cepa auth bindings`, `bind` and `unbind`, against a gateway with a real listener for administrators. Ingest is a fake. */
import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { BINDING_PAGES_MAX, bind, listBindings, unbind } from "#cli/auth-bindings.ts";
import type { Outcome } from "#cli/failure.ts";
import { bindingRequest } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { openAdminGateway } from "#test/cli/admin-gateway.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const gateway = await openAdminGateway();
const { ingest, trust } = gateway;
after(() => gateway.close());

const run = (...args: readonly string[]): Promise<Ran> =>
  cepa(["auth", ...args, "--url", gateway.edge.url], { env: { CEPA_ADMIN: trust } });
const here = { admin: trust, url: gateway.edge.url };
const codeOf = (outcome: Outcome): string => (outcome.ok ? "done" : outcome.failure.code);
const { producerId, subjectId } = bindingRequest(1);

beforeEach(() => {
  ingest.asked.length = 0;
  ingest.failure = undefined;
  ingest.bindings = [bindingRequest(1), bindingRequest(2, "\u001b[31mred")];
  ingest.reviewed = { subjectKey: "hosts/1", isTold: true };
});

describe("cli: auth bindings", () => {
  it("shows who waits for what, the oldest first, and nothing that a terminal would obey", async () => {
    const { code, stdout, stderr } = await run("bindings");

    const line = `2025-10-09T08:53:20Z  ${producerId}  ${subjectId}`;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(stdout.split("\n"), [`${line}  hosts/1`, `${line}  \\u001b[31mred`, ""]);
  });

  it("goes on from page to page, as JSON a line each", async () => {
    ingest.bindings = Array.from({ length: 250 }, (_, at) => bindingRequest(at + 1));

    const { stdout } = await run("bindings", "--json");

    const keys = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).subject_key);
    const expected = ingest.bindings.map(({ subjectKey }) => subjectKey);
    assert.deepEqual(keys, expected);
    assert.equal(ingest.asked.length, 3);
  });

  it("says so where nobody waits", async () => {
    ingest.bindings = [];

    const { code, stdout } = await run("bindings");

    assert.deepEqual([code, stdout], [0, "no producer waits for a subject of another\n"]);
  });

  it(`looks at ${BINDING_PAGES_MAX} pages and no more`, async () => {
    const page = ingest.bindings;
    const endless = Array.from({ length: 100 }, () => bindingRequest(1));
    Object.defineProperty(ingest, "bindings", { configurable: true, get: () => ({ filter: () => endless }) });

    const { stderr } = await run("bindings", "--json");
    Object.defineProperty(ingest, "bindings", { configurable: true, writable: true, value: page });

    assert.equal(ingest.asked.length, BINDING_PAGES_MAX);
    assert.deepEqual(JSON.parse(stderr), { note: "these are the oldest 10000; there are more" });
  });
});

describe("cli: auth bind, unbind", () => {
  it("decide, and say what is so from now on", async () => {
    const bound = await run("bind", producerId.toUpperCase(), subjectId);
    ingest.reviewed = { subjectKey: "hosts/1", isTold: false };
    const unbound = await run("unbind", producerId, subjectId);

    assert.deepEqual(
      [bound.code, bound.stdout, bound.stderr],
      [0, `approved: producer ${producerId} may write about hosts/1\n`, ""],
    );
    assert.deepEqual(
      [unbound.code, unbound.stdout],
      [0, `denied: producer ${producerId} may not write about hosts/1\n`],
    );
    assert.match(unbound.stderr, /could not be told: it finds out when it registers the subject again/);
    const pair = { producerId, subjectId, reviewer: "fdc-admin" };
    assert.deepEqual(
      ingest.asked.map(({ request }) => request),
      [
        { action: "approve", ...pair },
        { action: "deny", ...pair },
      ],
    );
  });

  it("say it as JSON", async () => {
    const { stdout } = await run("bind", producerId, subjectId, "--json");

    const pair = { producer_id: producerId, subject_id: subjectId, subject_key: "hosts/1" };
    assert.deepEqual(JSON.parse(stdout), { status: "approved", ...pair, told: true });
  });

  it("say where to look where there is no such subject", async () => {
    ingest.reviewed = undefined;

    const { code, stderr } = await run("bind", producerId, subjectId);

    assert.equal(code, 1);
    assert.match(
      stderr,
      /ingest\.subject-unknown: There is no such subject\. Nothing was changed\. .*cepa auth bindings/,
    );
  });

  it("say where to look where there is no such producer", async () => {
    ingest.failure = { code: "ingest.producer-unknown", producerId } as never;

    const outcome = await bind(producerId, subjectId, here);

    assert(!outcome.ok);
    assert.match(outcome.failure.message, /There is no such producer\. Nothing was changed\. .*pending --all/);
    assert.equal(outcome.failure.code, "ingest.producer-unknown");
  });

  for (const args of [
    ["bind", "hosts/1", subjectId],
    ["unbind", producerId, "hosts/1"],
    ["bind", producerId],
  ]) {
    it(`ask nothing with the line ${args.join(" ")}`, async () => {
      const { code } = await run(...args);

      assert.deepEqual([code, ingest.asked], [2, []]);
    });
  }

  it("pass on what the node says no to", async () => {
    ingest.failure = { code: "ingest.unavailable", cause: "postgres" } as never;

    const outcomes = [
      await listBindings(here),
      await bind(producerId, subjectId, here),
      await unbind(producerId, subjectId, here),
    ];

    assert.deepEqual(outcomes.map(codeOf), Array(3).fill("ingest.unavailable"));
  });
});
