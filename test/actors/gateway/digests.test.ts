/** Digests and conditions of uploads: what a client of the simulated edge sees. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDictionary } from "#actors/gateway/dictionary.ts";
import type { SimulatedAnswer } from "#runtime/simulated/edge.ts";
import { FakeOverlay, MemorySource } from "#test/actors/gateway/fake-overlay.ts";
import { json, openSimulated, send } from "#test/actors/gateway/kit.ts";

const hello = Buffer.from("hello");
const address = new FakeOverlay().add(hello);
const digest = (algorithm: "sha256" | "sha512" | "md5", content: Uint8Array): string =>
  `:${createHash(algorithm).update(content).digest("base64")}:`;
const right = digest("sha256", hello);
const wrong = digest("sha256", Buffer.from("hellp"));
const long = digest("sha512", hello);

async function opened() {
  const gateway = await openSimulated();
  const put = (headers: Record<string, string>, method = "PUT", target = "/put"): Promise<SimulatedAnswer> =>
    send(gateway.edge, { method, target, headers, body: new MemorySource(hello, 2), contentLength: 5 });
  return { ...gateway, put };
}

describe("gateway: Repr-Digest and Content-Digest of an upload", () => {
  it("that are those of the body let it be kept, on every route (GW-83)", async () => {
    const { put } = await opened();

    for (const field of ["repr-digest", "content-digest"]) {
      for (const value of [
        `sha-256=${right}`,
        `sha-512=${long}`,
        `sha-256=${right},\tsha-512=${long};a=1`,
        `*x=:AA==:, sha-256=${right}`,
      ]) {
        for (const [method, target] of [
          ["PUT", "/put"],
          ["POST", "/put"],
          ["PUT", `/o/${address}`],
        ] as const) {
          assert((await put({ [field]: value }, method, target)).status <= 201, value);
        }
      }
    }
  });

  it("that are another body's are 422, and nothing is kept (GW-83)", async () => {
    const { put, overlay } = await opened();
    const fields: readonly Record<string, string>[] = [
      { "repr-digest": `sha-256=${wrong}` },
      { "content-digest": `sha-256=${wrong}` },
      { "repr-digest": `sha-256=${right}, sha-512=${digest("sha512", Buffer.from("x"))}` },
      { "repr-digest": `sha-256=${right}`, "content-digest": `sha-256=${wrong}` },
      { "repr-digest": `sha-256=${right}, sha-256=${wrong}` },
    ];

    for (const headers of fields) {
      for (const [method, target] of [
        ["PUT", "/put"],
        ["POST", "/put"],
        ["PUT", `/o/${address}`],
      ] as const) {
        const answer = await put(headers, method, target);
        assert.deepEqual(
          [answer.status, json(answer)["code"]],
          [422, "gateway.digest-mismatch"],
          JSON.stringify(headers),
        );
      }
    }
    assert.equal(overlay.objects.size, 0);
  });

  it("of the empty object are compared too", async () => {
    const { edge } = await openSimulated();
    const empty = (value: string) => send(edge, { method: "PUT", target: "/put", headers: { "repr-digest": value } });

    assert.equal((await empty(`sha-256=${digest("sha256", Buffer.alloc(0))}`)).status, 201);
    assert.equal((await empty(`sha-256=${right}`)).status, 422);
  });

  it("in algorithms that nobody should rely on, or that are not known, are ignored (RFC 9530 §5)", async () => {
    const { put } = await opened();

    for (const value of [`md5=${digest("md5", Buffer.from("x"))}`, "blake3=:AAAA:", "sha=:AA==:,unixsum=::", ""]) {
      assert((await put({ "repr-digest": value })).status <= 201, value);
    }
  });

  it("that cannot be read are 400, before the body is read, and nothing is kept", async () => {
    const { put, overlay } = await opened();
    const values = [
      right,
      "sha-256",
      "sha-256=",
      `sha-256=${right},`,
      `sha-256=${right} sha-512=${long}`,
      `sha-256="${right}"`,
      `sha-256=(${right})`,
      `SHA-256=${right}`,
      "sha-256=:AAAA:",
      `sha-512=${right}`,
      `sha-256=${right.slice(0, -1)}`,
      "sha-256=:*:",
      `,sha-256=${right}`,
    ];

    for (const value of values) {
      for (const field of ["repr-digest", "content-digest"]) {
        const answer = await put({ [field]: value });
        assert.deepEqual([answer.status, json(answer)["code"]], [400, "gateway.bad-digest"], value);
        assert.match(String(json(answer)["message"]), new RegExp(field));
      }
    }
    assert.deepEqual(overlay.calls, []);
  });
});

describe("gateway: conditions of PUT /o/<addr>", () => {
  const target = `/o/${address}`;

  it("If-Match lets it be put again, and refuses it with 412 where it is not here (GW-85)", async () => {
    const { put, overlay } = await opened();
    const fields = ["*", `"${address}"`, '"x"', `W/"${address}"`];

    const before = [];
    for (const field of fields) before.push((await put({ "if-match": field }, "PUT", target)).status);
    assert.equal(overlay.objects.size, 0);
    overlay.add(hello);
    const after = [];
    for (const field of fields) after.push((await put({ "if-match": field }, "PUT", target)).status);

    assert.deepEqual(before, [412, 412, 412, 412]);
    assert.deepEqual(after, [200, 200, 412, 412]);
  });

  it("If-None-Match lets it be put once", async () => {
    const { put } = await opened();

    const first = await put({ "if-none-match": "*" }, "PUT", target);
    const second = await put({ "if-none-match": "*" }, "PUT", target);
    const named = await put({ "if-none-match": `W/"${address}"` }, "PUT", target);
    const other = await put({ "if-none-match": '"x"' }, "PUT", target);

    assert.deepEqual([first.status, second.status, named.status, other.status], [201, 412, 412, 200]);
    assert.equal(json(second)["code"], "gateway.precondition-failed");
  });

  it("are answered with the failure of whoever knows what is here", async () => {
    const { put, overlay } = await opened();
    overlay.failures.stat = { code: "index.rebuilding", doneCount: 1, totalCount: 2 } as never;

    const answer = await put({ "if-match": "*" }, "PUT", target);

    assert.deepEqual([answer.status, json(answer)["code"]], [503, "index.rebuilding"]);
    assert.equal(overlay.objects.size, 0);
  });
});

describe("gateway: dictionaries of digests", () => {
  const key = fc
    .tuple(fc.constantFrom(..."az*"), fc.string({ unit: fc.constantFrom(..."az09_-.*"), maxLength: 6 }))
    .map(([first, rest]) => first + rest);
  const bytes = fc.uint8Array({ maxLength: 40 }).map((content) => `:${Buffer.from(content).toString("base64")}:`);
  const parameter = fc
    .tuple(
      key,
      fc.constantFrom("", "=1", "=-2.5", '="a\\"b;,c"', "=tok/en", "=?1", "=:AA==:"),
      fc.constantFrom(";", "; "),
    )
    .map(([name, value, separator]) => separator + name + value);
  const member = fc.tuple(key, bytes, fc.array(parameter, { maxLength: 2 }));

  it("have the members that were written, the last of a key", () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), fc.constantFrom(",", ", ", "\t,  "), (members, comma) => {
        const field = members.map(([name, value, parameters]) => `${name}=${value}${parameters.join("")}`).join(comma);

        const parsed = parseDictionary(field, "bytes");

        assert.deepEqual(parsed, new Map(members.map(([name, value]) => [name, value])));
      }),
    );
  });

  it("are refused as soon as one character too many stands in them, and nothing else comes of it", () => {
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.constantFrom(...'"()@\\\0é'),
        (members, at, odd) => {
          const field = members.map(([name, value]) => `${name}=${value}`).join(",");
          const place = at % (field.length + 1);

          assert.equal(parseDictionary(field.slice(0, place) + odd + field.slice(place), "bytes"), undefined);
        },
      ),
    );
  });

  it("take time by their length alone, whatever stands in them", () => {
    const length = 64 * 1024;
    const fields = [
      "a=::,".repeat(length / 5),
      `a=::${";b".repeat(length / 2)}!`,
      `a=::;b="${'\\"'.repeat(length / 2)}`,
      "a".repeat(length),
      `a=:${"=".repeat(length)}:`,
    ];
    for (const field of fields) {
      const started = performance.now();
      parseDictionary(field, "bytes");
      const elapsedMs = performance.now() - started;
      assert(elapsedMs < 100, `${elapsedMs} ms`);
    }
  });
});
