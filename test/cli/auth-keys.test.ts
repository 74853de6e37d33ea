/** `cepa auth` of administrators, against a gateway with a real listener for them. Auth is a fake. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { approve, jtiOf, pending } from "#cli/auth-keys.ts";
import type { Outcome } from "#cli/failure.ts";
import { must } from "#runtime/errors.ts";
import { type KeyRow, PRODUCER } from "#test/actors/gateway/administrators/fake-auth.ts";
import { openReal } from "#test/actors/gateway/kit.ts";
import { newTrust, openAdminGateway } from "#test/cli/admin-gateway.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const gateway = await openAdminGateway();
const { root, trust, auth } = gateway;
const other = await newTrust(join(root, "other"));
const plain = await openReal();
after(async () => {
  await plain.edge.close();
  await gateway.close();
});

const row = (number: number, changes: Partial<KeyRow> = {}): KeyRow => ({
  number,
  fingerprint: `${String(number).padStart(8, "0")}${"A".repeat(78)}==`,
  producerId: PRODUCER,
  status: "pending",
  isDisabled: false,
  type: "new_producer",
  supersedes: undefined,
  certificate: undefined,
  hint: "binance",
  contact: undefined,
  createdMs: 1_760_000_000_000,
  token: undefined,
  ...changes,
});

const run = (...args: readonly string[]): Promise<Ran> =>
  cepa(["auth", ...args, "--url", gateway.edge.url], { env: { CEPA_ADMIN: trust } });

/** For what prints nothing: as the command line calls it, without a process. */
const here = { admin: trust, url: gateway.edge.url };
const codeOf = (outcome: Outcome): string => (outcome.ok ? "done" : outcome.failure.code);

/** All that was asked but lists. */
const orders = (): unknown => auth.asked.filter(({ name }) => name !== "listKeys").map(({ request }) => request);

beforeEach(() => {
  auth.asked.length = 0;
  auth.rows = [row(12_345_678), row(23_456_789, { hint: "\u001b[31mred" })];
  auth.reviewed = { kind: "approved", type: "new_producer", wasApproved: false, isTold: true };
});

describe("cli: auth pending", () => {
  it("shows who waits, and nothing that a terminal would obey", async () => {
    const { code, stdout, stderr } = await run("pending");

    const line = `2025-10-09T08:53:20Z  ${PRODUCER}`;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(stdout.split("\n"), [
      `${line}  binance        new  no certificate  ${row(12_345_678).fingerprint}`,
      `${line}  \\u001b[31mred  new  no certificate  ${row(23_456_789).fingerprint}`,
      "",
    ]);
    assert.deepEqual(auth.asked[0]?.request, { filter: "pending", limit: 100, before: undefined });
  });

  it("shows which are to take another one's place, and who is vouched for", async () => {
    auth.rows = [
      row(12_345_678, { certificate: { keyId: "ops\u001b", principal: "fdc-producer" } }),
      row(23_456_789, { type: "key_rotation", supersedes: `87654321${"A".repeat(80)}` }),
      row(34_567_890, { type: "key_rotation" }),
    ];

    const { stdout } = await run("pending");

    const cells = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/).slice(3, 5));
    assert.deepEqual(cells, [
      ["new", "certified ops\\u001b"],
      ["replaces 87654321", "no certificate"],
      ["further key", "no certificate"],
    ]);
  });

  it("says so where nobody does, and shows all on demand, a line of JSON each", async () => {
    const all = await run("pending", "--all", "--json");
    auth.rows = [];
    const none = await run("pending");

    const keys = all.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      keys.map(({ name, status }) => [name, status]),
      [
        ["binance", "pending"],
        ["\u001b[31mred", "pending"],
      ],
    );
    assert.deepEqual([none.code, none.stdout], [0, "no keys wait\n"]);
  });

  it("goes on where one answer does not have all", async () => {
    const pages = [Array.from({ length: 100 }, (_, at) => row(500 - at)), [row(7)]];
    Object.defineProperty(auth, "rows", { configurable: true, get: () => pages.shift() ?? [] });

    const { stdout } = await run("pending", "--json");
    Object.defineProperty(auth, "rows", { configurable: true, writable: true, value: [] });

    assert.equal(stdout.trimEnd().split("\n").length, 101);
    assert.deepEqual(auth.asked.at(-1)?.request, { filter: "pending", limit: 100, before: 401 });
  });
});

describe("cli: auth approve, deny, revoke", () => {
  it("approves by the beginning of a fingerprint", async () => {
    const { code, stdout, stderr } = await run("approve", "12345678", "--notes", "known");

    assert.deepEqual([code, stdout, stderr], [0, `approved: producer ${PRODUCER} (new producer)\n`, ""]);
    const { fingerprint } = row(12_345_678);
    const review = { action: "approve", fingerprint, producerId: PRODUCER, reviewer: "fdc-admin", notes: "known" };
    assert.deepEqual(orders(), [review]);
  });

  it("says of one that is approved already that it is", async () => {
    auth.reviewed = { kind: "approved", type: "new_producer", wasApproved: true, isTold: true };

    const [said, json] = [await run("approve", "12345678"), await run("approve", "12345678", "--json")];

    assert.deepEqual([said.code, said.stdout], [0, `already approved: producer ${PRODUCER} (new producer)\n`]);
    assert.equal(JSON.parse(json.stdout).already, true);
  });

  it("approves one again that waits no longer, because the answer may have been lost", async () => {
    const pages = [[row(1)], [row(12_345_678, { status: "approved" })]];
    Object.defineProperty(auth, "rows", { configurable: true, get: () => pages.shift() ?? [] });

    const approved = await approve("12345678", here);
    Object.defineProperty(auth, "rows", { configurable: true, writable: true, value: [] });

    assert.equal(codeOf(approved), "done");
    const filters = auth.asked.flatMap(({ name, request }) => (name === "listKeys" ? [request] : []));
    assert.deepEqual(
      filters.map((request) => (request as { filter: string }).filter),
      ["pending", "active"],
    );
  });

  it("denies a whole fingerprint of a producer without looking it up, and says who was not told", async () => {
    auth.reviewed = { kind: "denied", isTold: false };

    const { code, stdout, stderr } = await run("deny", "FP", "--producer", PRODUCER, "--reason", "not ours", "--json");

    assert.equal(code, 0);
    const said = { producer_id: PRODUCER, status: "denied", fingerprint: "FP", reason: "not ours", told: false };
    assert.deepEqual(JSON.parse(stdout), said);
    assert.equal(stderr, "");
    assert.equal(auth.asked.length, 1);
  });

  for (const [what, name] of [
    ["nobody's", "99999999"],
    ["too short", "1234567"],
    ["two keys'", "AAAAAAAA"],
  ] as const) {
    it(`decides nothing about a fingerprint that is ${what}`, async () => {
      if (what === "two keys'") {
        auth.rows = [row(1, { fingerprint: `${"A".repeat(86)}==` }), row(2, { fingerprint: `${"A".repeat(85)}B==` })];
      }

      const approved = await approve(name, here);

      assert.equal(codeOf(approved), "cli.no-such-key");
      assert.deepEqual(orders(), []);
    });
  }

  it("says of a fingerprint of ssh-keygen that those here are others, and where they are shown", async () => {
    const name = `SHA256:${"A".repeat(43)}`;

    const [approved, revoked] = [await run("approve", name), await run("revoke", name, "--key")];

    const said = `cli.no-such-key: ${name} is a fingerprint of ssh-keygen; those here are the SHA3-512 of the key's blob`;
    assert(approved.stderr.includes(said) && /as cepa auth pending shows them/.test(approved.stderr), approved.stderr);
    assert(revoked.stderr.includes(said) && /as cepa auth pending --all shows/.test(revoked.stderr), revoked.stderr);
  });

  it("revokes a token by its name, or by itself, and a key", async () => {
    const claims = Buffer.from(JSON.stringify({ jti: "01K76AVR00000000000000000A" })).toString("base64url");

    const runs = [
      await run("revoke", "01K76AVR00000000000000000A", "--reason", "stolen"),
      await run("revoke", `e30.${claims}.c2ln`),
      await run("revoke", "23456789", "--key"),
    ];

    assert.deepEqual(
      runs.map(({ code, stdout }) => [code, stdout]),
      runs.map(() => [0, "revoked\n"]),
    );
    const what = { kind: "token", jti: "01K76AVR00000000000000000A", text: undefined };
    assert.deepEqual(orders(), [
      { what, reason: "stolen", reviewer: "fdc-admin" },
      { what: { ...what, text: `e30.${claims}.c2ln` }, reason: "revoked", reviewer: "fdc-admin" },
      { what: { kind: "key", fingerprint: row(23_456_789).fingerprint }, reason: "revoked", reviewer: "fdc-admin" },
    ]);
  });

  it("takes no word for the name of a token that is none (AUTH-26)", async () => {
    const wrong = await run("revoke", "hello", "--json");

    assert.deepEqual([wrong.code, JSON.parse(wrong.stderr).error.code], [2, "cli.usage"]);
    for (const word of [
      "01K76AVR0000000000000000A",
      "81K76AVR00000000000000000A",
      "a.b",
      "a.b.c",
      "e30.e30.c2ln",
      "a.b.c.d",
    ]) {
      assert.equal(jtiOf(word), undefined, word);
    }
    assert.deepEqual(auth.asked, []);
  });

  it("passes on what the node says no to", async () => {
    auth.failures.reviewKey = { code: "auth.key-decided", fingerprint: "FP" } as never;

    const approved = await approve("12345678", here);
    delete auth.failures.reviewKey;

    assert.equal(codeOf(approved), "auth.key-decided");
  });
});

describe("cli: an administrator's files", () => {
  const ask = (admin: string, ...more: readonly string[]): Promise<Ran> =>
    cepa(["auth", "pending", "--admin", admin, ...more]);
  const mixed = (name: string, ...files: readonly string[]): string => {
    const directory = join(root, name);
    cpSync(trust, directory, { recursive: true });
    for (const file of files) cpSync(join(other, file), join(directory, file));
    return directory;
  };

  it("are named, or the line is wrong", async () => {
    const none = await cepa(["auth", "pending", "--url", gateway.edge.url, "--json"]);
    const empty = await ask(join(root, "nowhere"), "--url", gateway.edge.url);

    assert.equal(none.code, 2);
    assert.equal(JSON.parse(none.stderr).error.code, "cli.usage");
    assert.deepEqual([empty.code, /cli\.file-unreadable: .*admin_x509_ca\.pem: ENOENT/.test(empty.stderr)], [1, true]);
  });

  it("reach a listener by its own URL", async () => {
    const admin = gateway.ref;
    const facts = must(await admin.call("describe", {}, { timeoutMs: 5000 }), "facts");

    const { code, stdout } = await ask(trust, "--admin-url", facts.adminUrl ?? "", "--json");

    assert.deepEqual([code, stdout.split("\n").length], [0, 3]);
  });

  for (const [what, files] of [
    ["trust another authority", ["admin_x509_ca.pem"]],
    ["have a certificate of another authority", ["admin.pem", "admin.key"]],
  ] as const) {
    it(`that ${what} do not get as far as a request`, async () => {
      const listed = await pending({ ...here, admin: mixed(what, ...files) });

      assert.equal(codeOf(listed), "cli.not-trusted");
      assert.deepEqual(auth.asked, []);
    });
  }

  it("are not to blame where the listener closes the connection before it was shown any", async () => {
    const shut = createServer((socket) => socket.destroy());
    shut.listen(0, "127.0.0.1");
    await once(shut, "listening");
    const { port } = shut.address() as AddressInfo;

    const listed = await ask(trust, "--admin-url", `https://127.0.0.1:${port}`);
    shut.close();

    assert.equal(listed.code, 1);
    assert.match(
      listed.stderr,
      /cli\.unreachable: .* closed the connection before any certificate was shown: .*try again/,
    );
  });

  it("with the SSH certificate of another authority are nobody's", async () => {
    const listed = await pending({ ...here, admin: mixed("ssh", "admin_ssh", "admin_ssh-cert.pub") });

    assert.equal(codeOf(listed), "gateway.not-admin");
  });

  it("with a damaged key cannot be used", async () => {
    const directory = mixed("damaged");
    writeFileSync(join(directory, "admin_ssh"), "x");

    const listed = await pending({ ...here, admin: directory });

    assert.equal(codeOf(listed), "cli.bad-key");
  });

  it("are of no use with a node that lets no administrators in", async () => {
    const listed = await pending({ ...here, url: plain.edge.url });

    assert.equal(codeOf(listed), "cli.no-administrators");
  });
});
