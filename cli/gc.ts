/** `cepa gc`, `du` and `trash`: what the store holds, what of it nobody needs, and giving that up. */
import { setTimeout as pause } from "node:timers/promises";
import { columns, formatBytes, note, print } from "#cli/console.ts";
import type { CliFailure, Outcome } from "#cli/failure.ts";
import { timeOf } from "#cli/fields.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, type Facts, factsIn, getText, LOOK_INTERVAL_MS, sendText } from "#cli/http.ts";
import { isRecord } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface CollectOptions extends NodeChoice {
  readonly json?: boolean;
  readonly emptyTrash?: boolean;
  /** False: begin, and do not wait for the end. */
  readonly wait?: boolean;
}

const UNREPORTED: CliFailure = {
  code: "cli.not-collected",
  message: "the collection ended without a report, because storage has started anew meanwhile: begin another one",
};

/** Begins a collection, and waits for it unless told not to. */
export async function collect(options: CollectOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const path = `${url.value}/gc`;
  const query = options.emptyTrash === true ? "?trash=empty" : "";
  const begun = factsIn(await sendText(`${path}${query}`, { method: "POST" }, ANSWER_TIMEOUT_MS), 202, "phase");
  if (!begun.ok) return begun;
  if (options.wait === false) {
    print(options.json === true ? JSON.stringify(begun.value) : "begun");
    return ok();
  }

  const before = endOf(begun.value);
  let phase = "";
  for (;;) {
    const facts = factsIn(await getText(path, ANSWER_TIMEOUT_MS), 200, "phase");
    if (!facts.ok) return facts;
    const { last } = facts.value;
    if (facts.value["phase"] === "idle") {
      // It has begun when the node says so: a life of storage that has nothing new to report is another one.
      return isRecord(last) && endOf(facts.value) !== before ? report(last, options) : fail(UNREPORTED);
    }
    if (phase !== facts.value["phase"] && process.stderr.isTTY) note(String(facts.value["phase"]), options.json);
    phase = String(facts.value["phase"]);
    await pause(LOOK_INTERVAL_MS);
  }
}

export async function du(options: NodeChoice & { readonly json?: boolean }): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const facts = factsIn(await getText(`${url.value}/gc`, ANSWER_TIMEOUT_MS), 200, "phase");
  if (!facts.ok) return facts;
  if (options.json === true) {
    print(JSON.stringify(facts.value));
    return ok();
  }
  const { freeBytes, last, objectCount, storedBytes, trash } = facts.value;
  const inTrash = isRecord(trash) ? trash : {};
  const rows = [
    ["objects", String(objectCount)],
    ["stored", bytesOf(storedBytes)],
    ["trash", `${inTrash["objectCount"]} objects, ${bytesOf(inTrash["bytes"])}`],
    ["free", bytesOf(freeBytes)],
  ];
  if (isRecord(last)) {
    const at = timeOf(last["endedAtMs"]);
    if (at === undefined)
      return fail({ code: "cli.bad-answer", message: "the answer does not say when the last collection ended" });
    if (last["blocked"] === undefined) {
      rows.push(
        ["live", `${bytesOf(last["liveBytes"])} at ${at}`],
        ["garbage", `${bytesOf(last["garbageBytes"])} at ${at}`],
      );
    } else rows.push(["live", `not known: the collection at ${at} was blocked (cepa gc says why)`]);
  } else rows.push(["live", "not known before the first collection (cepa gc)"]);
  for (const line of columns(rows)) print(...line);
  return ok();
}

/** Lists what can be restored, page by page. */
export async function trash(options: NodeChoice & { readonly json?: boolean }): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  for (let query = ""; ; ) {
    const page = factsIn(await getText(`${url.value}/trash${query}`, ANSWER_TIMEOUT_MS), 200, "entries");
    if (!page.ok) return page;
    const { entries, next } = page.value;
    for (const entry of Array.isArray(entries) ? entries.filter(isRecord) : []) {
      const { address, manifest, restorableUntil, size } = entry;
      const name = address === undefined ? `cepa:${manifest}` : String(address);
      print(options.json === true ? JSON.stringify(entry) : `${name}  ${size}  until ${restorableUntil}`);
    }
    if (typeof next !== "string") return ok();
    query = `?after=${encodeURIComponent(next)}`;
  }
}

function report(last: Facts, options: CollectOptions): Outcome {
  const { blocked } = last;
  if (options.json === true) print(JSON.stringify(last));
  else {
    const rows = [
      ["freed", `${bytesOf(last["freedBytes"])} from ${last["packsCompacted"]} packs`],
      ["removed", `${last["removedCount"]} objects that nobody held`],
      ["given up", `${last["buriedCount"]} objects of the trash`],
    ];
    if (blocked === undefined) {
      rows.push(
        ["live", bytesOf(last["liveBytes"])],
        ["garbage left", `${bytesOf(last["garbageBytes"])} in packs that are mostly live`],
      );
    }
    for (const line of columns(rows)) print(...line);
  }
  return blocked === undefined ? ok() : fail({ code: "storage.collection-blocked", message: String(blocked) });
}

function endOf({ last }: Facts): unknown {
  return isRecord(last) ? last["endedAtMs"] : undefined;
}

function bytesOf(value: unknown): string {
  return typeof value === "number" ? formatBytes(value) : "?";
}
