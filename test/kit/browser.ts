/**
 * A real browser for end-to-end tests: headless Chromium, driven over its DevTools pipe.
 *
 * - It ends with the test process, however that ends. Its profile, home and temporary files are one directory, which
 *   goes with it. `dispose` also proves that no process of it is left.
 * - Every HTTP request of every page, frame, worker and popup is kept as an `Exchange`: a test can tell "refused by the
 *   node" from "never sent".
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND_TIMEOUT_MS, DevTools, type Fields } from "#test/kit/devtools.ts";
import { eventually } from "#test/kit/node.ts";

/** For a shell, which lives as long as the browser: a test that is killed cannot clean up. `$0` is the directory. */
const RUN_THEN_REMOVE = '"$@"; code=$?; rm -rf -- "$0" || { sleep 1; rm -rf -- "$0"; }; exit $code';
/** Statuses that are not the last word on a request. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** One HTTP request of the browser, and what came of it. A redirect is followed under the same exchange. */
export interface Exchange {
  readonly url: string;
  readonly method: string;
  /** Absent without a body, and where the browser does not tell. */
  readonly body: string | undefined;
  /** Absent while there is no answer, and when the request never left. */
  readonly status: number | undefined;
  /** The browser's own word for a request that failed or whose answer it refused, such as `net::ERR_ABORTED`. */
  readonly error: string | undefined;
}

export interface BrowserOptions {
  /** For `--host-resolver-rules`: `MAP evil.example 127.0.0.1`. */
  readonly hostRules?: string;
}

/** A page, a frame in a process of its own, a popup or a worker. */
interface Target {
  readonly targetId: string;
  readonly sessionId: string;
  readonly type: string;
}

/** To everything that shows or runs pages, but not to the windows that the browser draws for itself. */
const attaching = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [...["browser", "browser_ui", "tab"].map((type) => ({ type, exclude: true })), {}],
} as const;

/** Starts the command with a new, empty profile. */
export async function startBrowser(command: string, { hostRules }: BrowserOptions = {}): Promise<Browser> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-browser-"));
  const args = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-sync",
    // The browser's own guard of this machine asks the user, who may say yes: a node must hold without it.
    "--disable-features=LocalNetworkAccessChecks",
    "--remote-debugging-pipe",
    `--user-data-dir=${join(directory, "profile")}`,
    ...(hostRules === undefined ? [] : [`--host-resolver-rules=${hostRules}`]),
    "about:blank",
  ];
  const home = { HOME: directory, TMPDIR: directory, XDG_CONFIG_HOME: directory, XDG_CACHE_HOME: directory };
  const child = spawn("sh", ["-c", RUN_THEN_REMOVE, directory, command, ...args], {
    detached: true, // An interrupt from the terminal is for the test alone.
    env: { ...process.env, ...home },
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  });
  const browser = new Browser(directory, child);
  try {
    await browser.send("Browser.setDownloadBehavior", { behavior: "deny" });
    await browser.send("Target.setAutoAttach", attaching);
  } catch (error) {
    await browser.dispose();
    throw error;
  }
  return browser;
}

export class Browser {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #devtools: DevTools;
  readonly #targets = new Map<string, Target>();
  readonly #requests = new Map<string, Pick<Exchange, "url" | "method" | "body">>();
  readonly #statuses = new Map<string, number>();
  readonly #errors = new Map<string, string>();
  readonly #served = new Map<string, string>();
  #busyMs = 0;

  constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#child = child;
    this.#devtools = new DevTools(child, (method, params, sessionId) => this.#hear(method, params, sessionId));
  }

  /** Every request so far, in the order in which they began. Preflights and refused ones are among them. */
  get exchanges(): readonly Exchange[] {
    return [...this.#requests].map(([id, sent]) => ({
      ...sent,
      status: this.#statuses.get(id),
      error: this.#errors.get(id),
    }));
  }

  /** For what has no method here: one command, to one target or to the browser as a whole. */
  async send(method: string, params: Fields = {}, sessionId?: string): Promise<Fields> {
    return await this.#devtools.send(method, params, sessionId);
  }

  /** Tabs opened from now on are shown `html` at `url`, whoever would answer there: a name before its DNS changes. */
  serveAt(url: string, html: string): void {
    this.#served.set(url, html);
  }

  /** A new tab at `url`, once it has loaded; an address that the browser does not show leaves the tab blank. */
  async open(url: string): Promise<Page> {
    const { targetId } = (await this.send("Target.createTarget", { url: "about:blank" })) as { targetId: string };
    await eventually(COMMAND_TIMEOUT_MS, "the tab is attached", () => this.#targets.has(targetId));
    const page = new Page(this, this.#targets.get(targetId)?.sessionId ?? "");
    await page.goto(url);
    return page;
  }

  /** Of every tab, popup and frame in a process of its own. */
  async titles(): Promise<readonly string[]> {
    const { targetInfos } = (await this.send("Target.getTargets")) as { targetInfos: readonly { title: string }[] };
    return targetInfos.map(({ title }) => title);
  }

  /** `name=value` of every cookie. */
  async cookies(): Promise<readonly string[]> {
    const { cookies } = (await this.send("Storage.getCookies")) as { cookies: readonly Record<string, string>[] };
    return cookies.map(({ name, value }) => `${name}=${value}`);
  }

  /** Until every document has loaded, every request has its answer or failed, and then nothing more for `quietMs`. */
  async becomesQuiet(quietMs: number, withinMs: number): Promise<void> {
    await eventually(withinMs, "the browser is quiet", async () => {
      const open = this.exchanges.filter(({ status, error }) => status === undefined && error === undefined);
      if (open.length > 0 || !(await this.#hasLoaded())) this.#busyMs = performance.now();
      assert.deepEqual(open, []);
      return performance.now() - this.#busyMs >= quietMs;
    });
  }

  /** Closes every tab and popup, and forgets exchanges, pages to serve and cookies. */
  async reset(): Promise<void> {
    const pages = [...this.#targets.values()].filter(({ type }) => type === "page");
    // One that has closed meanwhile is no longer known.
    await Promise.allSettled(pages.map(({ targetId }) => this.send("Target.closeTarget", { targetId })));
    await eventually(COMMAND_TIMEOUT_MS, "the tabs are closed", () => this.#targets.size === 0);
    await this.send("Storage.clearCookies");
    for (const known of [this.#requests, this.#statuses, this.#errors, this.#served]) known.clear();
  }

  /** Every process that was started with this browser's directory in its environment or arguments. */
  livingPids(): readonly number[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && belongsTo(`/proc/${name}`, this.#directory))
      .map(Number);
  }

  async dispose(): Promise<void> {
    try {
      const { pid, exitCode, signalCode } = this.#child;
      if (pid !== undefined && exitCode === null && signalCode === null) {
        const exited = once(this.#child, "exit");
        const killing = setTimeout(() => process.kill(-pid, "SIGKILL"), COMMAND_TIMEOUT_MS);
        await Promise.allSettled([this.send("Browser.close"), exited]);
        clearTimeout(killing);
      }
      await eventually(5000, "no process of the browser is left", () => this.livingPids().length === 0);
    } finally {
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }

  async #hasLoaded(): Promise<boolean> {
    const documents = [...this.#targets.values()].filter(({ type }) => type === "page" || type === "iframe");
    const states = documents.map(({ sessionId }) => new Page(this, sessionId).run("document.readyState"));
    return (await Promise.all(states)).every((state) => state === "complete");
  }

  #hear(method: string, params: Fields, sessionId: string): void {
    switch (method) {
      case "Target.attachedToTarget":
        this.#attach(params);
        return;
      case "Target.detachedFromTarget":
        this.#detach(String(params["sessionId"]));
        return;
      case "Fetch.requestPaused":
        this.#serve(params, sessionId);
        return;
      default:
        if (method.startsWith("Network.")) this.#note(method, params);
    }
  }

  /** A new target waits until we listen, so that not even its first request is missed. */
  #attach({ sessionId, targetInfo }: Fields): void {
    const { targetId, type } = targetInfo as { targetId: string; type: string };
    const session = String(sessionId);
    this.#targets.set(targetId, { targetId, type, sessionId: session });
    const patterns = [...this.#served.keys()].map((urlPattern) => ({ urlPattern }));
    const commands: readonly (readonly [method: string, params: Fields])[] = [
      ["Network.enable", {}],
      ...(patterns.length > 0 ? [["Fetch.enable", { patterns }] as const] : []),
      ["Target.setAutoAttach", attaching],
      ["Runtime.runIfWaitingForDebugger", {}],
    ];
    // It may be gone before it is told, and a worker has nothing to attach to.
    for (const [method, params] of commands) this.send(method, params, session).catch(() => undefined);
  }

  #detach(gone: string): void {
    for (const { sessionId, targetId } of this.#targets.values())
      if (sessionId === gone) this.#targets.delete(targetId);
    this.#devtools.endSession(gone);
  }

  #serve({ requestId, request }: Fields, sessionId: string): void {
    const html = this.#served.get((request as { url: string }).url);
    const answer = {
      responseCode: 200,
      responseHeaders: [{ name: "Content-Type", value: "text/html" }],
      body: Buffer.from(html ?? "").toString("base64"),
    };
    const [method, params] =
      html === undefined ? ["Fetch.continueRequest", {}] : (["Fetch.fulfillRequest", answer] as const);
    this.send(method, { requestId, ...params }, sessionId).catch(() => undefined);
  }

  #note(method: string, { requestId, ...params }: Fields): void {
    const id = String(requestId); // The same where a navigation goes on in another process.
    this.#busyMs = performance.now();
    switch (method) {
      case "Network.requestWillBeSent": {
        const { url, method, postData } = params["request"] as { url: string; method: string; postData?: string };
        if (url.startsWith("http")) this.#requests.set(id, { url, method, body: postData });
        return;
      }
      case "Network.responseReceived":
        this.#answered(id, (params["response"] as { status: number }).status);
        return;
      case "Network.responseReceivedExtraInfo": // Early or late, and the only one where the page may not read.
        this.#answered(id, params["statusCode"] as number);
        return;
      case "Network.loadingFailed":
        this.#errors.set(id, String(params["errorText"]));
    }
  }

  #answered(id: string, status: number): void {
    if (!redirects.has(status)) this.#statuses.set(id, status);
  }
}

/** One tab. */
export class Page {
  readonly #browser: Browser;
  readonly #sessionId: string;

  constructor(browser: Browser, sessionId: string) {
    this.#browser = browser;
    this.#sessionId = sessionId;
  }

  /** Answers once the address has loaded, with the browser's word for why it shows nothing (`net::ERR_ABORTED`). */
  async goto(url: string): Promise<string | undefined> {
    const { errorText } = await this.#browser.send("Page.navigate", { url }, this.#sessionId);
    if (errorText !== undefined) return String(errorText);
    // A sandboxed document is never told that it has loaded, so it is asked.
    await eventually(COMMAND_TIMEOUT_MS, `${url} has loaded`, async () => {
      return (await this.run("document.readyState")) === "complete";
    });
    return undefined;
  }

  /** Runs an expression as a click of the user would, and answers with the value of its promise, as JSON has it. */
  async run(expression: string): Promise<unknown> {
    const given = { expression, awaitPromise: true, userGesture: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#browser.send("Runtime.evaluate", given, this.#sessionId);
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return (result as Fields)["value"];
  }
}

function belongsTo(process: string, directory: string): boolean {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`${process}/status`, "utf8"))) return false;
    return ["cmdline", "environ"].some((file) => readFileSync(`${process}/${file}`, "utf8").includes(directory));
  } catch {
    return false; // It has gone meanwhile.
  }
}
