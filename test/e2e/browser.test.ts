/**
 * What a real browser lets a hostile page do to the node: nothing.
 *
 * Every attempt runs twice, with the same code and the same check: against the node, where none may succeed, and against
 * a careless store in its place, where each one that a browser permits at all must succeed. An attempt that could not
 * harm anything anywhere would prove nothing.
 *
 * Without Chromium, and where it may not be installed, the tests are skipped.
 */
import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { after, afterEach, before, describe, it } from "node:test";
import { type Browser, type Page, startBrowser } from "#test/kit/browser.ts";
import { type Site, startCarelessStore, startSite } from "#test/kit/careless-store.ts";
import { provideChromium } from "#test/kit/chromium.ts";
import {
  beginOpenings,
  beginWrites,
  openings,
  reads,
  refusedByBrowsers,
  secret,
  storedPage,
  tryReads,
  writes,
  writtenBy,
} from "#test/kit/hostile-page.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { addressOf, putObject } from "#test/kit/objects.ts";

/** A name that the browser takes to this machine, as DNS under an attacker's control would. */
const FOREIGN_NAME = "evil.example";
/** Nothing is under way in the browser and nothing new has begun for so long: the pages have done what they do. */
const QUIET_MS = 300;
const SETTLE_MS_MAX = 15_000;

interface Stage {
  readonly browser: Browser;
  readonly node: TestNode;
  /** The attacker's own server: a page at every path. */
  readonly foreign: Site;
  readonly careless: Site;
  /** Ways in which a stored page was opened when its script told the attacker that it runs. */
  readonly told: Set<string>;
}

/** Where a hostile page comes from, and how it names the store at a port. */
interface Origin {
  readonly name: string;
  readonly pageAt: (foreignPort: number, storePort: number) => string;
  readonly goalAt: (storePort: number) => string;
}

const loopbackAt = (port: number): string => `http://127.0.0.1:${port}`;
const foreignAt = (port: number): string => `http://${FOREIGN_NAME}:${port}`;
const origins: readonly Origin[] = [
  { name: "another port of the node's address", pageAt: (own) => loopbackAt(own), goalAt: loopbackAt },
  { name: "another name of the node's machine", pageAt: (own) => `http://localhost:${own}`, goalAt: loopbackAt },
  { name: "a foreign name", pageAt: (own) => foreignAt(own), goalAt: loopbackAt },
  {
    name: "a name that led elsewhere before it led to the node",
    pageAt: (_, port) => foreignAt(port),
    goalAt: foreignAt,
  },
];

/** Attempts at writing that depend on the store. */
const permitted = Object.keys(writes).filter((name) => !refusedByBrowsers.has(name));
const ways = ["in a tab", ...Object.keys(openings)].sort();
/** Among them paths with markup, which an answer might repeat. */
const markup = encodeURIComponent("<script>document.title = 'scripted'</script>");
const ownPaths = ["/", "/status", "/healthz", "/readyz", "/metrics", `/${markup}`, `/o/${markup}`, `/m/x?${markup}`];

describe("browser", () => {
  const started = new AsyncDisposableStack();
  let stage: Stage | undefined;
  let missing = "";

  before(async () => {
    const chromium = await provideChromium();
    if ("missing" in chromium) {
      missing = chromium.missing;
      return;
    }
    const told = new Set<string>();
    const foreign = started.use(await startForeignSite(told));
    const careless = started.use(await startCarelessStore());
    const node = started.adopt(await startNode(), (ended) => ended.dispose());
    const browser = await startBrowser(chromium.command, { hostRules: `MAP ${FOREIGN_NAME} 127.0.0.1` });
    started.defer(() => browser.dispose());
    stage = { browser, node, foreign, careless, told };
  });
  afterEach(async () => {
    await stage?.browser.reset();
    stage?.told.clear();
  });
  after(() => started.disposeAsync());

  /** A test that is skipped where there is no browser. */
  const inBrowser = (name: string, run: (stage: Stage) => Promise<void>): void => {
    it(name, async (context) => (stage === undefined ? context.skip(missing) : await run(stage)));
  };

  describe("a stored HTML page", () => {
    inBrowser("does not run its script, however it is opened", async (on) => {
      const seen = await openStoredPage(on, on.node.url);

      assert.deepEqual(seen, nothing);
    });

    inBrowser("does run it in a store that is careless: the test would notice", async (on) => {
      const seen = await openStoredPage(on, on.careless.url);

      const titles = ["scripted in a tab", "scripted through window.open"];
      assert.deepEqual(seen, { told: ways, written: ways, titles, cookies: ["scripted=yes"] });
    });

    for (const [defence, fields] of [
      ["content type", ["content-type", "x-content-type-options"]],
      ["sandbox", ["content-security-policy"]],
    ] as const) {
      inBrowser(`does not run its script where the node's ${defence} is the only defence`, async (on) => {
        const { address } = await putObject(on.node.url, storedPage(on.foreign.url));
        const { headers } = await fetch(`${on.node.url}/o/${address}`);
        const kept = Object.fromEntries(fields.map((field) => [field, headers.get(field) ?? ""]));
        await using store = await startCarelessStore({ "content-type": "text/html", ...kept });

        const seen = await openStoredPage(on, store.url);

        assert.deepEqual(seen, nothing);
      });
    }
  });

  for (const origin of origins) {
    describe(`a page of ${origin.name}`, () => {
      inBrowser("cannot write to the node, which refuses every attempt itself", async (on) => {
        const { written, answers, addedCount } = await tryToWrite(on, origin, on.node.url);

        assert.deepEqual([written, addedCount], [[], 0]);
        assert.deepEqual([...answers.keys()], permitted, "every attempt came to the node");
        const refused = [403, 405, 421];
        assert.deepEqual(
          [...answers].filter(([, status]) => !refused.includes(status)),
          [],
        );
      });

      inBrowser("cannot read from the node", async (on) => {
        assert.deepEqual(await tryToRead(on, origin, on.node.url), []);
      });

      inBrowser("can do both in a store that is careless: the test would notice", async (on) => {
        const { written, addedCount } = await tryToWrite(on, origin, on.careless.url);
        const read = await tryToRead(on, origin, on.careless.url);

        assert.deepEqual(written, permitted);
        assert(addedCount >= permitted.length);
        assert.deepEqual(read, Object.keys(reads));
      });
    });
  }

  describe("the node itself", () => {
    inBrowser("has no page: what it tells is JSON or text, and the browser shows it as that", async (on) => {
      const types: string[] = [];
      const page = await on.browser.open(on.node.url);
      for (const path of ownPaths) {
        const { headers } = await fetch(`${on.node.url}${path}`);
        assert.equal(headers.get("x-content-type-options"), "nosniff", path);
        assert.equal(await page.goto(`${on.node.url}${path}`), undefined);
        types.push(String(await page.run("document.contentType")));
      }

      assert.deepEqual(
        types,
        ownPaths.map((path) => (path === "/metrics" ? "text/plain" : "application/json")),
      );
      assert.equal((await on.browser.titles()).includes("scripted"), false);
    });

    inBrowser("holds nothing in the end but what the tests put there themselves", async ({ node, foreign }) => {
      const own = [storedPage(foreign.url), Buffer.from(secret)].map((bytes) => [addressOf(bytes), [bytes]] as const);

      const held = await heldOf(node.url, new Map(own));

      assert.equal(await objectCount(node.url), held.length);
    });
  });
});

interface Traces {
  /** Ways of opening, in order. */
  readonly told: readonly string[];
  readonly written: readonly string[];
  readonly titles: readonly string[];
  readonly cookies: readonly string[];
}

const nothing: Traces = { told: [], written: [], titles: [], cookies: [] };

/** Stores a page with a script and opens it in every way; answers with the traces of scripts that ran. */
async function openStoredPage({ browser, foreign, told }: Stage, store: string): Promise<Traces> {
  const { address } = await putObject(store, storedPage(foreign.url));
  const url = `${store}/o/${address}`;
  const embedding = await browser.open(foreignAt(foreign.port));

  await embedding.run(beginOpenings(url));
  await browser.open(`${url}?way=${encodeURIComponent("in a tab")}`);
  await settled(
    browser,
    ways.map((way) => `${url}?way=${encodeURIComponent(way)}`),
  );

  const titles = (await browser.titles()).filter((title) => title.startsWith("scripted"));
  return {
    told: [...told].sort(),
    written: await heldOf(store, new Map(ways.map((way) => [way, [Buffer.from(writtenBy(way))]]))),
    titles: titles.toSorted(),
    cookies: await browser.cookies(),
  };
}

interface Writing {
  /** Attempts whose object is in the store afterwards. */
  readonly written: readonly string[];
  /** The store's last answer to each attempt that came to it. */
  readonly answers: ReadonlyMap<string, number>;
  /** Objects that the store holds more than before, under whatever address. */
  readonly addedCount: number;
}

async function tryToWrite({ browser, foreign }: Stage, origin: Origin, store: string): Promise<Writing> {
  const countBefore = await objectCount(store);
  const page = await openHostilePage(browser, origin, foreign, store);
  const goal = origin.goalAt(portOf(store));
  const bodyOf = (name: string): string => `${name}, by a page of ${origin.name}`;

  await page.run(beginWrites((name) => ({ goal, own: foreign.url, body: bodyOf(name) })));
  const queries = new Map(permitted.map((name) => [name, `?by=${encodeURIComponent(name)}`]));
  await settled(browser, [...queries.values()]);

  const bodies = new Map<string, readonly Buffer[]>();
  const answers = new Map<string, number>();
  for (const [name, query] of queries) {
    const exchanges = browser.exchanges.filter(({ url }) => url.startsWith(goal) && url.endsWith(query));
    // A form or a report wraps the body in bytes that only the browser knows.
    const texts = [bodyOf(name), ...exchanges.flatMap(({ body }) => body ?? [])];
    bodies.set(
      name,
      texts.map((text) => Buffer.from(text)),
    );
    const status = exchanges.findLast((exchange) => exchange.status !== undefined)?.status;
    if (status !== undefined) answers.set(name, status);
  }
  return { written: await heldOf(store, bodies), answers, addedCount: (await objectCount(store)) - countBefore };
}

/** Attempts that got to know the bytes of an object. */
async function tryToRead({ browser, foreign }: Stage, origin: Origin, store: string): Promise<readonly string[]> {
  const { address } = await putObject(store, Buffer.from(secret));
  const page = await openHostilePage(browser, origin, foreign, store);

  const got = await page.run(tryReads(`${origin.goalAt(portOf(store))}/o/${address}`));

  return (got as [name: string, text: string][]).filter(([, text]) => /owner/.test(text)).map(([name]) => name);
}

/** The page comes from the attacker's server, also where its name leads to the store from then on. */
async function openHostilePage(browser: Browser, origin: Origin, foreign: Site, store: string): Promise<Page> {
  const url = `${origin.pageAt(foreign.port, portOf(store))}/hostile`;
  if (portOf(url) === portOf(store)) browser.serveAt(url, hostilePage);
  return await browser.open(url);
}

const hostilePage = "<!doctype html><title>hostile</title><body>";

/** A page at every path, a redirect that keeps method and body, and a page whose policy has violations reported. */
async function startForeignSite(told: Set<string>): Promise<Site> {
  const serve: RequestListener = (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://foreign");
    const to = searchParams.get("to") ?? "";
    if (pathname === "/told") told.add(searchParams.get("way") ?? "");
    if (pathname === "/redirect") response.writeHead(307, { Location: to });
    else if (pathname === "/reporting")
      response.setHeader("Content-Security-Policy", `img-src 'none'; report-uri ${to}`);
    if (pathname !== "/redirect") response.setHeader("Content-Type", "text/html");
    request.resume().once("end", () => response.end(`${hostilePage}<img src="/forbidden">`));
  };
  return await startSite(serve);
}

/** Until each of these has been asked for, and then all is quiet. */
async function settled(browser: Browser, urlEnds: readonly string[]): Promise<void> {
  await eventually(SETTLE_MS_MAX, "the browser has asked for everything", () => {
    const asked = browser.exchanges.map(({ url }) => url);
    assert.deepEqual(
      urlEnds.filter((end) => !asked.some((url) => url.endsWith(end))),
      [],
    );
    return true;
  });
  await browser.becomesQuiet(QUIET_MS, SETTLE_MS_MAX);
}

/** Names of those of which the store holds at least one body. */
async function heldOf(store: string, bodies: ReadonlyMap<string, readonly Buffer[]>): Promise<readonly string[]> {
  const held: string[] = [];
  for (const [name, alternatives] of bodies) {
    const asked = alternatives.map((body) => fetch(`${store}/o/${addressOf(body)}`));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert(
      statuses.every((status) => status === 200 || status === 404),
      `${name}: ${statuses}`,
    );
    if (statuses.includes(200)) held.push(name);
  }
  return held;
}

async function objectCount(store: string): Promise<number> {
  const status = (await (await fetch(`${store}/status`)).json()) as { store: { index: { entryCount: number } } };
  return status.store.index.entryCount;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
