/** Names through the client, against a node that can be told to lie. */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { beforeEach, describe, it } from "node:test";
import { type NameRecord, verifyNameRecord } from "#actors/domain/name-record.ts";
import { CepaClient, CepaError, type NameSigner, type NameRecord as SignedName } from "#client/client.ts";
import { must } from "#runtime/errors.ts";
import { labelOf, nextRecord, objectValue, signedRecord, signerOf } from "#test/kit/names.ts";

const owner = signerOf(1);
const signer: NameSigner = { publicKey: owner.publicKey, sign: async (bytes) => sign(null, bytes, owner.key) };
const name = `${owner.publicKey}/site`;
const first = signedRecord(owner);
const second = nextRecord(owner, first, { value: objectValue(0xbb) });

function saidOf({ label, seq, prev, value, exp, publicKey, signature }: NameRecord): Record<string, unknown> {
  return { v: 1, name: label, seq, prev, value, exp, pub: publicKey, sig: Buffer.from(signature).toString("hex") };
}

/** What the node has, and what it was sent. */
let held: NameRecord[] = [];
let evidence: NameRecord[] = [];
let sent: NameRecord[] = [];
/** Stands in the place of the next answer. */
let lie: unknown;
/** What the next PUTs are answered; where it is an error, nothing. */
let answers: (Response | Error)[] = [];
beforeEach(() => {
  [held, evidence, sent, lie, answers] = [[], [], [], undefined, []];
});

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });

const fetchFake: typeof fetch = async (input, init) => {
  const { pathname, searchParams } = new URL(String(input));
  if (init?.method === "PUT") {
    const bytes = new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
    sent.push(must(verifyNameRecord(bytes), "a client sends records"));
    const said = answers.shift() ?? answer(200, {});
    if (said instanceof Error) throw said;
    return said;
  }
  if (lie !== undefined) return answer(200, lie);
  const [, , key = "", label, part] = pathname.split("/");
  if (label === undefined) {
    const after = searchParams.get("after") ?? "";
    const page = held.filter((record) => record.publicKey === key && record.label > after).slice(0, 2);
    return answer(200, {
      names: page.map((record) => ({ ...saidOf(record), frozen: false })),
      done: page.length < 2,
    });
  }
  if (held.length === 0) return answer(404, { code: "index.name-unknown", message: "", retryable: false });
  if (part !== "history") return answer(200, saidOf(held.at(-1) ?? first));
  return answer(200, { history: held.map(saidOf), frozen: evidence.length > 0, evidence: evidence.map(saidOf) });
};

const newClient = (): CepaClient => new CepaClient({ url: "http://node.test", fetch: fetchFake });
let client: CepaClient;
// One remembers what was not answered.
beforeEach(() => {
  client = newClient();
});

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert(error instanceof CepaError, String(error));
  return error.code;
}

describe("client names: setName", () => {
  it("signs the first record of a name, and then what follows on the current one", async () => {
    await client.setName("site", first.value, { signer });
    held = [first];
    await client.setName("site", second.value, { signer });
    held = [first, second];
    await client.setName("site", first.value, { signer, exp: 2_000_000_000 });

    assert.deepEqual(
      sent.map(({ seq, prev, exp }) => [seq, prev, exp]),
      [
        [1, undefined, undefined],
        [2, first.digest, undefined],
        [3, second.digest, 2_000_000_000],
      ],
    );
  });

  it("signs nothing where the name leads there already, unless it shall expire at another time", async () => {
    held = [first, second];

    const record = await client.setName("site", second.value, { signer });
    assert.deepEqual([record.seq, sent.length], [2, 0]);

    await client.setName("site", second.value, { signer, exp: 2_000_000_000 });
    assert.equal(sent.length, 1);
  });

  it("signs nothing on the word of a node that shows what the owner never said", async () => {
    const forged = { ...saidOf(first), value: objectValue(9) };
    const gap = nextRecord(owner, second, { seq: 4 });
    const astray = nextRecord(owner, first, { prev: second.digest });
    const others = signedRecord(signerOf(2));
    const lies = [
      { history: [forged] },
      { history: [saidOf(first), saidOf(gap)] },
      { history: [saidOf(first), saidOf(astray)] },
      { history: [saidOf(others)] },
      { history: [saidOf(signedRecord(owner, { label: labelOf("other") }))] },
      { history: [] },
      { history: "none" },
      {},
      [],
      null,
    ];
    for (lie of lies) {
      assert.equal(await refusal(client.setName("site", first.value, { signer })), "client.bad-answer");
    }
    assert.deepEqual(sent, []);
  });
});

const refused = (code: string): Response => answer(400, { code, message: "", retryable: false });
const stepsSent = (): unknown[] => sent.map(({ seq, value }) => [seq, value]);

describe("client names: setName, where the answer to the one before was lost", () => {
  for (const [what, lost] of [
    ["nothing", new Error("broken")],
    ["no node", new Response("", { status: 502 })],
    ["overlay.unavailable", refused("overlay.unavailable")],
    ["index.names-unavailable", refused("index.names-unavailable")],
    ["runtime.call-timeout", refused("runtime.call-timeout")],
  ] as const) {
    it(`sends that record again before it signs what follows on it (${what} came)`, async () => {
      answers = [lost];
      await assert.rejects(client.setName("site", first.value, { signer }));

      const record = await client.setName("site", second.value, { signer });

      assert.deepEqual(stepsSent(), [
        [1, first.value],
        [1, first.value],
        [2, second.value],
      ]);
      assert.deepEqual([record.seq, record.prev, sent[0]?.digest], [2, sent[1]?.digest, sent[1]?.digest]);
    });
  }

  it("signs one after the other, also where it is asked for both at once", async () => {
    answers = [new Error("broken")];
    const setting = [first.value, second.value].map((value) => client.setName("site", value, { signer }));
    const settled = await Promise.allSettled(setting);

    assert.deepEqual(
      settled.map(({ status }) => status),
      ["rejected", "fulfilled"],
    );
    assert.deepEqual(stepsSent(), [
      [1, first.value],
      [1, first.value],
      [2, second.value],
    ]);
  });

  it("signs nothing where that is what is wanted, and goes on from it where the node has it by now", async () => {
    answers = [new Error("broken")];
    await assert.rejects(client.setName("site", first.value, { signer }));
    await client.setName("site", first.value, { signer });
    held = sent.slice(0, 1);
    answers = [new Error("broken")];
    await assert.rejects(client.setName("site", second.value, { signer }));
    held = [...held, ...sent.slice(-1)];

    await client.setName("site", first.value, { signer });

    assert.deepEqual(stepsSent(), [
      [1, first.value],
      [1, first.value],
      [2, second.value],
      [3, first.value],
    ]);
  });

  it("signs no other while that is refused, which says nothing of the one that was lost", async () => {
    answers = [new Error("broken"), refused("overlay.target-unknown")];
    await assert.rejects(client.setName("site", first.value, { signer }));
    assert.equal(await refusal(client.setName("site", second.value, { signer })), "overlay.target-unknown");
    await client.setName("site", second.value, { signer });

    assert.deepEqual(stepsSent(), [
      [1, first.value],
      [1, first.value],
      [1, first.value],
      [2, second.value],
    ]);
  });

  it("signs another one where the node has refused that one, or has gone on without it", async () => {
    for (const code of ["overlay.target-unknown", "gateway.overloaded"]) {
      answers = [refused(code)];
      assert.equal(await refusal(client.setName("site", first.value, { signer })), code);
    }
    answers = [new Error("broken")];
    await assert.rejects(client.setName("site", second.value, { signer }));
    held = [first];
    await client.setName("site", objectValue(9), { signer });

    assert.deepEqual(stepsSent(), [
      [1, first.value],
      [1, first.value],
      [1, second.value],
      [2, objectValue(9)],
    ]);
  });

  it("has another client go on that is told of what was not answered", async () => {
    const unanswered = new Map<string, SignedName>();
    answers = [new Error("broken")];
    await assert.rejects(client.setName("site", first.value, { signer, unanswered }));
    assert.deepEqual([...unanswered.keys()], [name]);

    await newClient().setName("site", second.value, { signer, unanswered });

    assert.deepEqual([sent.map(({ seq }) => seq), unanswered.size], [[1, 1, 2], 0]);
  });
});

describe("client names: what is read", () => {
  it("is the record that the owner signed, and nothing else", async () => {
    held = [first, second];
    assert.equal((await client.getName(name)).value, second.value);

    for (lie of [saidOf(signedRecord(signerOf(2))), { ...saidOf(first), seq: 2 }, { ...saidOf(first), exp: 5 }, "x"]) {
      assert.equal(await refusal(client.getName(name)), "client.bad-answer");
    }
  });

  it("is the history with its evidence, each of it verified", async () => {
    held = [first, second];
    const rival = nextRecord(owner, first);
    evidence = [second, rival];

    const read = await client.nameHistory(name);

    assert.deepEqual(
      [read.history, read.evidence].map((records) => records.map(({ value }) => value)),
      [
        [first.value, second.value],
        [second.value, rival.value],
      ],
    );
    lie = { history: [saidOf(first)], evidence: [saidOf(second), { ...saidOf(rival), value: objectValue(9) }] };
    assert.equal(await refusal(client.nameHistory(name)), "client.bad-answer");
  });

  it("is every name of a key, page by page, and no page for ever", async () => {
    held = ["a", "b", "c", "d", "e"].map((text) => signedRecord(owner, { label: labelOf(text) }));

    const listed = await client.listNames(owner.publicKey);

    assert.deepEqual(
      listed.map((record) => record.name),
      ["a", "b", "c", "d", "e"],
    );
    lie = { names: [{ ...saidOf(first), frozen: false }], done: false };
    assert.equal(await refusal(client.listNames(owner.publicKey)), "client.bad-answer");
  });
});
