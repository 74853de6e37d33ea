/** What goes over the wire to an S3 server, and what is made of its answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseBucketUrl } from "#runtime/bucket/place.ts";
import { encodePath, encodeQuery, sign } from "#runtime/bucket/signature.ts";
import { parseErrorCode, parseObjectPage, removalBody } from "#runtime/bucket/xml.ts";
import { KiB } from "#runtime/units.ts";

/** The examples that the protocol's own documentation works out. */
const documented = {
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  request: {
    method: "GET",
    host: "examplebucket.s3.amazonaws.com",
    body: [],
    region: "us-east-1",
    wallMs: Date.UTC(2013, 4, 24),
  },
} as const;

describe("bucket: signatures", () => {
  it("are those of the protocol's examples", () => {
    const { credentials, request } = documented;
    const get = sign({ ...request, path: "/test.txt", query: [], headers: { range: "bytes=0-9" } }, credentials);
    const query = [
      ["prefix", "J"],
      ["max-keys", "2"],
    ] as const;
    const list = sign({ ...request, path: "/", query, headers: {} }, credentials);

    assert.match(
      get["authorization"] ?? "",
      /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/,
    );
    assert.match(
      list["authorization"] ?? "",
      /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7$/,
    );
  });

  it("say the token of credentials that expire, and the secret never", () => {
    const { credentials, request } = documented;
    const headers = sign({ ...request, path: "/", query: [], headers: {} }, { ...credentials, sessionToken: "token" });

    assert.equal(headers["x-amz-security-token"], "token");
    assert(!JSON.stringify(headers).includes(credentials.secretAccessKey));
  });

  it("encode everything but unreserved characters (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const encoded = encodeQuery([["name", text]]);
        assert.match(encoded, /^name=(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        assert.equal(decodeURIComponent(encoded.slice(5)), text);
      }),
    );
    assert.equal(encodePath("/a b/c'd"), "/a%20b/c%27d");
    assert.equal(
      encodeQuery([
        ["list-type", "2"],
        ["a", "="],
      ]),
      "a=%3D&list-type=2",
    );
  });
});

describe("bucket: URLs", () => {
  it("name host, bucket and prefix in both styles", () => {
    assert.deepEqual(parseBucketUrl("https://s3.example.org/packs/node-1/", "path"), {
      ok: true,
      value: {
        isSecure: true,
        hostname: "s3.example.org",
        port: 443,
        host: "s3.example.org",
        root: "/packs",
        prefix: "node-1/",
      },
    });
    assert.deepEqual(parseBucketUrl("http://packs.localhost:9000/a/b", "virtual-host"), {
      ok: true,
      value: {
        isSecure: false,
        hostname: "packs.localhost",
        port: 9000,
        host: "packs.localhost:9000",
        root: "",
        prefix: "a/b/",
      },
    });
    const local = parseBucketUrl("http://[::1]:9000/packs", "path");
    assert(
      local.ok && local.value.hostname === "::1" && local.value.host === "[::1]:9000" && local.value.prefix === "",
    );
  });

  const refused = [
    ["packs", "not-a-url"],
    ["ftp://host/packs", "not-http"],
    ["https://key:secret@host/packs", "has-credentials"],
    ["https://host/packs?versions", "has-query"],
    ["https://host/packs#x", "has-query"],
    ["https://host/", "no-bucket"],
    ["https://host/packs/a%20b", "strange-name"],
  ] as const;
  for (const [url, problem] of refused) {
    it(`refuse ${url}: ${problem}, without repeating it`, () => {
      assert.deepEqual(parseBucketUrl(url, "path"), { ok: false, failure: { code: "bucket.url-invalid", problem } });
    });
  }
});

const page = (inside: string): string =>
  `<?xml version="1.0"?>\n<ListBucketResult xmlns="x">${inside}</ListBucketResult>\n`;
const object = (key: string, size: string): string =>
  `<Contents><Key>${key}</Key><ETag>&quot;e&quot;</ETag><Size>${size}</Size></Contents>`;

describe("bucket: pages of a list", () => {
  it("give keys without the prefix, sizes, and what to ask next", () => {
    const text = page(
      `<IsTruncated>true</IsTruncated>${object("p/a&amp;b", "7")}${object("p/c&#x41;", "0")}<NextContinuationToken>n&gt;</NextContinuationToken>`,
    );

    assert.deepEqual(parseObjectPage(text, "p/"), {
      objects: [
        { key: "a&b", sizeBytes: 7 },
        { key: "cA", sizeBytes: 0 },
      ],
      next: "n>",
    });
    assert.deepEqual(parseObjectPage(page("<IsTruncated>false</IsTruncated>"), ""), { objects: [], next: undefined });
  });

  const strange = [
    ["nothing", ""],
    ["a page of something else", "<html></html>"],
    ["one that is cut off", page(`<IsTruncated>false</IsTruncated>${object("p/a", "1")}`).slice(0, -9)],
    ["one that does not say whether it is the last", page(object("p/a", "1"))],
    ["one that goes on and does not say where", page("<IsTruncated>true</IsTruncated>")],
    ["a key from elsewhere", page(`<IsTruncated>false</IsTruncated>${object("q/a", "1")}`)],
    ["a size that is none", page(`<IsTruncated>false</IsTruncated>${object("p/a", "-1")}`)],
  ] as const;
  for (const [what, text] of strange) {
    it(`are not ${what}`, () => assert.equal(parseObjectPage(text, "p/"), undefined));
  }

  for (const word of ["<Contents>", "<Contents><Key>p/", "<Error>"]) {
    it(`are read in no time where nothing ends: ${word}`, () => {
      const text = word.repeat((256 * KiB) / word.length);
      const before = process.cpuUsage();

      assert.deepEqual(parseObjectPage(page(`<IsTruncated>false</IsTruncated>${text}`), "p/")?.objects, []);
      assert.equal(parseErrorCode(text), undefined);

      const tookMs = process.cpuUsage(before).user / 1000;
      assert(tookMs < 1000, `took ${tookMs} ms`);
    });
  }

  it("never throw, whatever comes (property)", () => {
    const pieces = fc.constantFrom(
      "<Key>",
      "</Key>",
      "<Contents>",
      "</Contents>",
      "&amp;",
      "&#x110000;",
      "1",
      "<Size>",
      "</Size>",
      "p/",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
        const parsed = parseObjectPage(page(`<IsTruncated>false</IsTruncated>${parts.join("")}`), "p/");
        for (const { key, sizeBytes } of parsed?.objects ?? []) {
          assert(typeof key === "string" && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0);
        }
      }),
    );
  });

  it("errors have a code, removals their keys", () => {
    assert.equal(parseErrorCode("<Error><Code>NoSuchKey</Code><Message>x</Message></Error>"), "NoSuchKey");
    assert.equal(parseErrorCode("<DeleteResult></DeleteResult>"), undefined);
    assert.match(Buffer.from(removalBody(["a", "b"])).toString(), /<Key>a<\/Key>.*<Key>b<\/Key>/);
  });
});
