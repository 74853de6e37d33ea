/** What `cepa up` may be told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLoopback, parseAddress, parseOptions } from "#supervisor/root/options.ts";
import { placesOf } from "#supervisor/root/places.ts";

const env = { HOME: "/home/me" };

describe("options: parseOptions", () => {
  it("has a default for everything", () => {
    assert.deepEqual(parseOptions([], env), {
      ok: true,
      value: {
        dataDirectory: "/home/me/.local/share/cepa",
        namedDirectory: "/home/me/.local/share/cepa",
        amnesia: false,
        http: { host: "127.0.0.1", port: 7700 },
        profile: "tree",
        configFile: undefined,
        json: false,
        insecurePublic: false,
      },
    });
  });

  it("prefers --data to CEPA_DATA to XDG_DATA_HOME to HOME, and an empty variable is none", () => {
    const all = { CEPA_DATA: "/a", XDG_DATA_HOME: "/b", HOME: "/c" };
    const directory = (args: readonly string[], given: Readonly<Record<string, string>>): string | undefined => {
      const parsed = parseOptions(args, given);
      return parsed.ok && parsed.value !== "help" ? parsed.value.dataDirectory : undefined;
    };

    assert.equal(directory(["--data", "/d"], all), "/d");
    assert.equal(directory([], all), "/a");
    assert.equal(directory([], { ...all, CEPA_DATA: "" }), "/b/cepa");
    assert.equal(directory([], { HOME: "/c" }), "/c/.local/share/cepa");
    assert.equal(directory([], {}), undefined);
  });

  it("refuses an address that others can reach, without --insecure-public", () => {
    const refused = parseOptions(["--http", "0.0.0.0:80"], env);
    assert.equal(refused.ok, false);
    const allowed = parseOptions(["--http", "0.0.0.0:80", "--insecure-public"], env);
    assert(allowed.ok && allowed.value !== "help");
    assert.deepEqual(allowed.value.http, { host: "0.0.0.0", port: 80 });
    assert.equal(allowed.value.insecurePublic, true);
  });

  it("refuses what it does not know, in one line", () => {
    for (const args of [["--wat"], ["--data"], ["--profile", "x"], ["--http", "7700"], ["file"]]) {
      const parsed = parseOptions(args, env);
      assert(!parsed.ok, args.join(" "));
      assert.equal(parsed.failure.code, "supervisor.bad-usage");
      assert.match(parsed.failure.message, /^[^\n]+; see cepa up --help$/);
    }
    const unknown = parseOptions(["--wat"], env);
    assert.equal(!unknown.ok && unknown.failure.message, "Unknown option '--wat'; see cepa up --help");
  });

  it("refuses an empty directory or file, which would be the working directory", () => {
    for (const name of ["--data", "--config"]) {
      const parsed = parseOptions([name, ""], env);
      assert.equal(!parsed.ok && parsed.failure.message, `${name} is empty; see cepa up --help`);
    }
  });
});

describe("options: parseAddress", () => {
  it("takes a host and a port, up to 65535", () => {
    assert.deepEqual(parseAddress("127.0.0.1:65535"), { host: "127.0.0.1", port: 65_535 });
    assert.deepEqual(parseAddress("[::1]:0"), { host: "::1", port: 0 });
    assert.deepEqual(parseAddress("localhost:80"), { host: "localhost", port: 80 });
    for (const text of ["127.0.0.1:65536", "::1:80", "[127.0.0.1]:80", ":80", "a b:80", "127.0.0.1:", "127.0.0.1:-1"]) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });

  it("knows which addresses stay on this machine", () => {
    assert.deepEqual(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback), [true, true, true, true]);
    assert.deepEqual(["0.0.0.0", "::", "10.0.0.1", "127.example.com", "example.com"].map(isLoopback), [
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("places: the run directory", () => {
  const facts = { dataDirectory: "/data", amnesia: false, userId: 7, digest: () => "0123456789abcdef" };

  it("is in the user's runtime directory, and in /tmp where there is none", () => {
    assert.equal(placesOf({ ...facts, runtimeDirectory: "/run/user/7" }).run, "/run/user/7/cepa-0123456789ab");
    assert.equal(placesOf({ ...facts, runtimeDirectory: undefined }).run, "/tmp/cepa-7-0123456789ab");
  });

  it("is in /tmp where a socket's path would be longer than 107 bytes, and not at the limit", () => {
    const longest = 107 - 24 - "/cepa-0123456789ab".length;
    const fits = `/${"r".repeat(longest - 1)}`;

    assert.equal(placesOf({ ...facts, runtimeDirectory: fits }).run, `${fits}/cepa-0123456789ab`);
    assert.equal(placesOf({ ...facts, runtimeDirectory: `${fits}r` }).run, "/tmp/cepa-7-0123456789ab");
  });
});
