/** What goes into a log line, and what does not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  isSensitiveName,
  logDepthMax,
  logStringLengthMax,
  logValuesMax,
  redacted,
  redactFields,
} from "#runtime/telemetry/redact.ts";

describe("redact: names", () => {
  it("hides values under sensitive names, at any depth, in every spelling", () => {
    const copy = redactFields({
      authorization: "Bearer abc",
      nested: { list: [{ "Set-Cookie": "a=b", apiKey: "x", API_KEYS: ["y"], dbPassword: 1, "x-auth-token": "t" }] },
      keyboard: "qwerty",
      monkey: "business",
      token: undefined,
    });

    assert.deepEqual(copy, {
      authorization: redacted,
      nested: {
        list: [
          {
            "Set-Cookie": redacted,
            apiKey: redacted,
            API_KEYS: redacted,
            dbPassword: redacted,
            "x-auth-token": redacted,
          },
        ],
      },
      keyboard: "qwerty",
      monkey: "business",
      token: undefined,
    });
  });

  it("knows them by their words, and leaves ordinary ones alone", () => {
    for (const name of [
      "secret",
      "clientSecret",
      "private_key",
      "privatekey",
      "passphrase",
      "refreshTokens",
      "Cookie2",
    ]) {
      assert(isSensitiveName(name), name);
    }
    for (const name of ["secretary", "tokenise", "keyspace", "hockey", "code", "objectSizeBytesMax", "spinning"]) {
      assert(!isSensitiveName(name), name);
    }
  });
});

describe("redact: strings", () => {
  it("masks the shapes of secrets inside them", () => {
    const copy = redactFields({
      url: "postgres://cepa:hunter2@db:5432/x",
      header: "authorization was Bearer eyJhbGciOi.J9.abc",
      share: "see cepa:b3:00ff#c2VjcmV0 please",
      pem: "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- after",
    });

    assert.deepEqual(copy, {
      url: `postgres://${redacted}@db:5432/x`,
      header: `authorization was Bearer ${redacted}`,
      share: `see cepa:b3:00ff#${redacted} please`,
      pem: `${redacted} after`,
    });
  });

  it("keeps one of the greatest length and cuts a longer one, saying how long it was", () => {
    const atLimit = "x".repeat(logStringLengthMax);

    const copy = redactFields({ atLimit, pastLimit: `${atLimit}y` });

    assert.equal(copy["atLimit"], atLimit);
    assert.equal(copy["pastLimit"], `${atLimit}… (${logStringLengthMax + 1} characters)`);
  });

  it("masks a private key also where the cut took its end", () => {
    const copy = redactFields({ pem: `-----BEGIN RSA PRIVATE KEY-----\n${"A".repeat(5000)}` });

    assert(!String(copy["pem"]).includes("AAAA"));
  });
});

describe("redact: shapes", () => {
  it("writes what JSON cannot hold in a form that it can", () => {
    const copy = redactFields({
      bytes: new Uint8Array(3),
      big: 10n,
      date: new Date(0),
      map: new Map([["a", 1]]),
      set: new Set([1]),
      call: () => 1,
    });

    assert.deepEqual(copy, {
      bytes: "[3 bytes]",
      big: "10",
      date: "1970-01-01T00:00:00.000Z",
      map: { a: 1 },
      set: [1],
      call: "[function]",
    });
  });

  it("keeps of an error its name, message, stack and cause", () => {
    const error = new TypeError("at postgres://a:b@c", { cause: { password: "x" } });
    error.stack = "the stack";

    assert.deepEqual(redactFields({ error }), {
      error: {
        name: "TypeError",
        message: `at postgres://${redacted}@c`,
        stack: "the stack",
        cause: { password: redacted },
      },
    });
  });

  it("says of what cannot be read that it cannot, and keeps the rest", () => {
    const thrower = (): never => {
      throw new RangeError("not to be looked at");
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const fields = {
      revoked: proxy,
      getter: Object.defineProperty({}, "a", { get: thrower, enumerable: true }),
      error: Object.defineProperty(new Error("x"), "message", { get: thrower }),
      other: 1,
    };

    const said = "[unreadable]";
    assert.deepEqual(redactFields(fields), { revoked: said, getter: said, error: said, other: 1 });
  });

  it("keeps of an error whose message is no text what it is", () => {
    const error = Object.assign(new RangeError("x"), { message: { of: 1 }, stack: undefined });

    assert.deepEqual(redactFields({ error }), { error: { name: "RangeError", message: { of: 1 } } });
  });

  it("goes as deep as it may and no deeper, also round a circle", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;

    let copy: unknown = redactFields({ circle });
    let depth = 0;
    while (typeof copy === "object" && copy !== null) {
      copy = Object.values(copy)[0];
      depth += 1;
    }

    assert.equal(copy, "[deep]");
    assert.equal(depth, logDepthMax + 1);
  });

  it("keeps as many values as it may and says that there were more", () => {
    const atLimit = redactFields({ list: new Array(logValuesMax - 1).fill(1) });
    const pastLimit = redactFields({ list: new Array(logValuesMax).fill(1), after: 1 });

    assert.deepEqual(atLimit, { list: new Array(logValuesMax - 1).fill(1) });
    assert.deepEqual(pastLimit, { list: [...new Array(logValuesMax - 1).fill(1), "[more]"], "[more]": true });
  });

  it("answers with something JSON can hold, of bounded size, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true })),
        (fields) => {
          const line = JSON.stringify(redactFields(fields));

          assert(line.length < logValuesMax * (logStringLengthMax + 700));
        },
      ),
    );
  });
});
