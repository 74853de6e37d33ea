/**
 * The client in a real browser: its own files, with nothing taken out but the types, on a page that is served from the
 * same origin as the store. Without Chromium, and where it may not be installed, the test is skipped.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type RequestListener, request } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import { after, before, describe, it } from "node:test";
import { verifyNameRecord } from "#actors/domain/name-record.ts";
import { CepaClient } from "#client/client.ts";
import { must } from "#runtime/errors.ts";
import { type FakeNode, startFakeNode } from "#test/cli/fake-node.ts";
import { keyOf, noise } from "#test/client/private-vectors.ts";
import { type Browser, startBrowser } from "#test/kit/browser.ts";
import { type Site, startSite } from "#test/kit/careless-store.ts";
import { provideChromium } from "#test/kit/chromium.ts";
import { tellsOf } from "#test/kit/recording-proxy.ts";

const root = new URL("../../", import.meta.url);
const importMap = JSON.stringify({ imports: { "#client/": "/client/", "#runtime/": "/runtime/" } });
const PAGE = `<!doctype html><title>client</title><script type="importmap">${importMap}</script>`;

/** The page, the client's modules, and for everything else the store. */
function serve(store: FakeNode): RequestListener {
  return (asked, response) => {
    const path = asked.url ?? "/";
    if (path === "/page") return void response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    if (/^\/(client|runtime)\/[\w-]+\.ts$/.test(path)) {
      const code = stripTypeScriptTypes(readFileSync(new URL(path.slice(1), root), "utf8"));
      return void response.writeHead(200, { "content-type": "text/javascript" }).end(code);
    }
    const { method, headers } = asked;
    const passed = request(`${store.url}${path}`, { method, headers }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
    });
    asked.pipe(passed);
  };
}

/** What the page runs: puts bytes and a `Blob`, gets them back, a part of them, and what a wrong key comes to. */
const IN_PAGE = `(async () => {
  const { CepaClient } = await import("#client/client.ts");
  const client = new CepaClient({ url: location.origin });
  const bytes = new Uint8Array(2_200_000).map((_, index) => (index * 7) % 251);
  const { link } = await client.putPrivate(new Blob([bytes]), { name: "from-a-browser" });
  const whole = await (await client.getPrivate(link)).bytes();
  const part = await (await client.getPrivate(link, { range: { first: 1_048_319, last: 1_048_321 } })).bytes();
  const wrong = await client.getPrivate(link.slice(0, -43) + "A".repeat(43)).catch(({ code }) => code);
  const { size } = await client.putPrivate(bytes.subarray(0, 5));
  const isSame = whole.length === bytes.length && whole.every((byte, index) => byte === bytes[index]);
  return { link, isSame, part: [...part], wrong, size };
})()`;

const VALUE = `b3:${"ab".repeat(32)}`;

/** What the page runs: signs a record with a key that cannot leave the browser, and reads it back, whole and forged. */
const NAMES_IN_PAGE = `(async () => {
  const { CepaClient, webCryptoSigner } = await import("#client/client.ts");
  const signer = await webCryptoSigner(await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
  let sent;
  let said;
  const client = new CepaClient({
    url: location.origin,
    fetch: async (_url, { method, body }) => {
      if (method === "PUT") sent = [...body];
      if (method === "PUT" || said !== undefined) return Response.json(said ?? {});
      return Response.json({ code: "index.name-unknown" }, { status: 404 });
    },
  });
  const record = await client.setName("site", "${VALUE}", { signer });
  said = { v: 1, ...record };
  const name = signer.publicKey + "/site";
  const { value } = await client.getName(name);
  said = { ...said, value: "${VALUE.replace("ab", "cd")}" };
  const forged = await client.getName(name).catch(({ code }) => code);
  return { sent, key: signer.publicKey, value, forged };
})()`;

describe("client: in a browser", () => {
  const started = new AsyncDisposableStack();
  let stage: { readonly browser: Browser; readonly store: FakeNode; readonly site: Site } | undefined;
  let missing = "";

  before(async () => {
    const chromium = await provideChromium();
    if ("missing" in chromium) {
      missing = chromium.missing;
      return;
    }
    const store = started.use(await startFakeNode());
    const site = started.use(await startSite(serve(store)));
    const browser = await startBrowser(chromium.command);
    started.defer(() => browser.dispose());
    stage = { browser, store, site };
  });
  after(() => started.disposeAsync());

  it("puts and gets private objects, which others get too, and no request has the key", async (context) => {
    if (stage === undefined) return context.skip(missing);
    const { browser, store, site } = stage;
    const page = await browser.open(`${site.url}/page`);

    const { link, ...came } = (await page.run(IN_PAGE)) as { link: string };
    const answer = await new CepaClient({ url: store.url }).getPrivate(link);
    const bytes = await answer.bytes();

    const part = [1_048_319, 1_048_320, 1_048_321].map((index) => (index * 7) % 251);
    assert.deepEqual(came, { isSame: true, part, wrong: "client.wrong-key", size: 5 });
    assert.deepEqual([answer.name, bytes.length], ["from-a-browser", 2_200_000]);
    assert(browser.exchanges.length > 10);
    for (const { url } of browser.exchanges) assert(!tellsOf(Buffer.from(url), keyOf(link)), url);
  });

  it("signs a record of a name that a node takes, and believes no forged one", async (context) => {
    if (stage === undefined) return context.skip(missing);
    const page = await stage.browser.open(`${stage.site.url}/page`);

    const { sent, key, ...came } = (await page.run(NAMES_IN_PAGE)) as { sent: readonly number[]; key: string };

    assert.deepEqual(came, { value: VALUE, forged: "client.bad-answer" });
    const { publicKey, label, seq, value } = must(verifyNameRecord(Uint8Array.from(sent)), "the node takes it");
    assert.deepEqual([publicKey, label, seq, value], [key, "site", 1, VALUE]);
  });

  it("opens what was sealed elsewhere", async (context) => {
    if (stage === undefined) return context.skip(missing);
    const { browser, store, site } = stage;
    const { link } = await new CepaClient({ url: store.url }).putPrivate(Uint8Array.from(noise(70_000)));
    const page = await browser.open(`${site.url}/page`);

    const first = await page.run(`(async () => {
      const { CepaClient } = await import("#client/client.ts");
      const answer = await new CepaClient({ url: location.origin }).getPrivate(${JSON.stringify(link)});
      return [...(await answer.bytes()).subarray(0, 32)];
    })()`);

    assert.deepEqual(first, [...noise(32)]);
  });
});
