/** The audit, asked through the real npm: of a registry that knows something, of one that knows nothing, and of none. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { audit } from "#release/real/audit.ts";
import { lockfileWith, MANIFEST } from "#test/release/fixture.ts";

/** Which packages the registry has an advisory about; undefined where it has no such service. */
let advisories: readonly string[] | undefined;
let asked: string[];
let registry: Server;

const manifest = JSON.stringify(MANIFEST);
const lockfile = JSON.stringify(lockfileWith());

before(async () => {
  registry = createServer(async (request, response) => {
    const pieces = await request.toArray();
    if (request.method === "GET") {
      const name = decodeURIComponent(request.url?.slice(1) ?? "");
      const versions = { "0.0.8": { name, version: "0.0.8" }, "1.0.0": { name, version: "1.0.0" } };
      response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions }));
      return;
    }
    if (advisories === undefined) {
      response.writeHead(405).end("{}");
      return;
    }
    const wanted = JSON.parse(gunzipSync(Buffer.concat(pieces)).toString()) as Record<string, unknown>;
    asked.push(...Object.keys(wanted));
    const known = advisories.filter((name) => name in wanted);
    const about = { id: 1, url: "x", title: "x", severity: "low", vulnerable_versions: "<=1.0.0" };
    response.end(JSON.stringify(Object.fromEntries(known.map((name) => [name, [about]]))));
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  const { port } = registry.address() as AddressInfo;
  process.env["npm_config_registry"] = `http://127.0.0.1:${port}/`;
});

after(() => {
  registry.close();
  registry.closeAllConnections();
});

beforeEach(() => {
  asked = [];
});

const path = process.env["PATH"];
afterEach(() => {
  process.env["PATH"] = path;
  delete process.env["npm_config_offline"];
});

describe("release: audit", () => {
  it("passes where the registry knows of what is vulnerable, and has nothing about the packages", async () => {
    advisories = ["minimist"];
    const { verdict, reason } = await audit(manifest, lockfile);

    assert.equal(verdict, "pass", reason);
    assert.deepEqual(asked.sort(), ["@scope/beta", "alpha", "gamma", "minimist"]);
  });

  it("fails where an advisory is about a package, however mild", async () => {
    advisories = ["minimist", "alpha"];
    const { verdict, reason } = await audit(manifest, lockfile);

    assert.equal(verdict, "fail");
    assert.match(reason, /advisories are about alpha/);
  });

  it("has not checked where the registry has no advisories at all", async () => {
    advisories = [];
    const { verdict, reason } = await audit(manifest, lockfile);

    assert.equal(verdict, "not-checked");
    assert.match(reason, /finds nothing in minimist 0\.0\.8, which is vulnerable/);
  });

  it("has not checked where npm is told to be offline, although it ends with 0 and finds nothing", async () => {
    advisories = ["minimist"];
    process.env["npm_config_offline"] = "true";
    const { verdict } = await audit(manifest, lockfile);

    assert.deepEqual([verdict, asked], ["not-checked", []]);
  });

  it("has not checked where the registry does not answer", async () => {
    advisories = undefined;
    const { verdict, reason } = await audit(manifest, lockfile);

    assert.equal(verdict, "not-checked");
    assert.match(reason, /^the registry does not answer: /);
  });

  it("has not checked where there is no npm", async () => {
    process.env["PATH"] = "/nowhere";
    const { verdict, reason } = await audit(manifest, lockfile);

    assert.equal(verdict, "not-checked");
    assert.match(reason, /npm did not run/);
  });
});
