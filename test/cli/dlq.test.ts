/** `cepa dlq`, against a gateway with a real listener for administrators. Ingest is a fake. */
import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { dropLetters, listLetters, redriveLetters, showLetter } from "#cli/dlq.ts";
import type { Outcome } from "#cli/failure.ts";
import { letter } from "#test/actors/gateway/administrators/fake-ingest.ts";
import { openAdminGateway } from "#test/cli/admin-gateway.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const gateway = await openAdminGateway();
const { ingest, trust } = gateway;
after(() => gateway.close());

const run = (...args: readonly string[]): Promise<Ran> =>
  cepa(["dlq", ...args, "--url", gateway.edge.url], { env: { CEPA_ADMIN: trust } });
const here = { admin: trust, url: gateway.edge.url };
const codeOf = (outcome: Outcome): string => (outcome.ok ? "done" : outcome.failure.code);
const name = (number: number): string => letter(number).letterId;

beforeEach(() => {
  ingest.asked.length = 0;
  ingest.failure = undefined;
  ingest.letters = [letter(1, { payload: Buffer.from("\u001b[31m{") }), letter(2, { error: "\u001b[2J" })];
  ingest.redriven = { kind: "written", outcome: "new" };
});

describe("cli: dlq list", () => {
  it("shows them, the oldest first, and nothing that a terminal would obey", async () => {
    const { code, stdout, stderr } = await run("list");

    const line = (number: number, size: string, error: string): string =>
      `${name(number)}  2025-10-09T08:53:20Z  bad_event_json  -  ${size}  ${error}`;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(stdout.split("\n"), [line(1, "6 B", "not-json"), line(2, "1 B", "\\u001b[2J"), ""]);
  });

  it("goes on from page to page, and says where there are more", async () => {
    ingest.letters = Array.from({ length: 40 }, (_, at) => letter(at + 1));

    const all = await run("list", "--json");
    const some = await run("list", "--json", "--limit", "33");
    const rest = await run("list", "--json", "--after", name(33), "--limit", "7");

    const namesIn = ({ stdout }: Ran): readonly string[] =>
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).letter_id);
    const names = ingest.letters.map(({ letterId }) => letterId);
    assert.deepEqual([namesIn(all), all.stderr], [names, ""]);
    assert.deepEqual(namesIn(some), names.slice(0, 33));
    assert.deepEqual(JSON.parse(some.stderr), { note: `there are 40 in all: go on with --after ${name(33)}` });
    assert.deepEqual([namesIn(rest), rest.stderr], [names.slice(33), ""]);
  });

  it("says so where there are none", async () => {
    ingest.letters = [];

    const { code, stdout } = await run("list");

    assert.deepEqual([code, stdout], [0, "no dead letters\n"]);
  });

  for (const args of [
    ["list", "--limit", "0"],
    ["drop", name(1), "../1-1"],
  ]) {
    it(`asks nothing with the line ${args.join(" ")}`, async () => {
      const { code } = await run(...args);

      assert.deepEqual([code, ingest.asked], [2, []]);
    });
  }
});

describe("cli: dlq show", () => {
  it("shows one with what came, and nothing that a terminal would obey", async () => {
    ingest.letters = [letter(1, { payload: Buffer.from('{"a": \u202e') })];

    const { code, stdout } = await run("show", name(1));

    assert.equal(code, 0);
    assert.match(stdout, /^payload {11}\{"a": \\u202e$/m);
    assert.match(stdout, /^producer_id {7}-$/m);
  });

  it("shows it as JSON, in Base64 where it is no text", async () => {
    const { stdout } = await run("show", name(1), "--json");

    const { letter_id, payload_base64 } = JSON.parse(stdout);
    assert.deepEqual([letter_id, Buffer.from(payload_base64, "base64").toString()], [name(1), "\u001b[31m{"]);
  });

  it("says of one that is cut how much came", async () => {
    ingest.letters = [letter(1, { payload: Buffer.from("{"), payloadBytes: 3_000_000, isCut: true })];

    const { stdout, stderr } = await run("show", name(1));

    assert.match(stdout, /^payload_bytes {5}3000000$/m);
    assert.match(stdout, /^payload_cut {7}true$/m);
    assert.match(stderr, /only the beginning of the 3000000 bytes that came is kept/);
  });

  it("knows none that is gone", async () => {
    assert.equal(codeOf(await showLetter("1-1", here)), "ingest.dead-letter-unknown");
  });
});

describe("cli: dlq redrive, drop", () => {
  it("redrives one after the other, and says what came of each", async () => {
    const { code, stdout } = await run("redrive", name(1), name(2));

    assert.deepEqual([code, stdout], [0, `${name(1)}  written\n${name(2)}  written\n`]);
  });

  it("fails where one stays dead, and tells why", async () => {
    ingest.redriven = { kind: "still-dead", reason: "unauthenticated", error: "expired" };

    const { code, stdout, stderr } = await run("redrive", name(1));

    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /cli\.still-dead: it is still no event: unauthenticated, expired/);
  });

  it("goes on past one that is gone, and fails at the end", async () => {
    const { code, stdout, stderr } = await run("drop", "1-1", name(2), "--json");

    assert.deepEqual([code, JSON.parse(stdout)], [1, { letter_id: name(2), result: "dropped" }]);
    assert.match(stderr, /"letter":"1-1","error":\{"code":"ingest\.dead-letter-unknown"/);
    assert.deepEqual(
      ingest.letters.map(({ letterId }) => letterId),
      [name(1)],
    );
  });

  it("passes on what the node says no to", async () => {
    ingest.failure = { code: "ingest.unavailable", cause: "redis" } as never;

    const outcomes = [
      await listLetters(here),
      await showLetter(name(1), here),
      await redriveLetters([name(1)], here),
      await dropLetters([name(1)], here),
    ];

    assert.deepEqual(outcomes.map(codeOf), Array(4).fill("ingest.unavailable"));
  });
});
