/** `cepa scrub`: how far the store was read again and compared, and which objects are damaged. */
import { setTimeout as pause } from "node:timers/promises";
import { columns, formatBytes, formatTime, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { count, records } from "#cli/fields.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, type Facts, factsIn, getText, LOOK_INTERVAL_MS, sendText } from "#cli/http.ts";
import { startProgress } from "#cli/progress.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface ScrubOptions extends NodeChoice {
  readonly json?: boolean;
  /** Read everything again, and wait for it. */
  readonly now?: boolean;
}

/** Fails where an object is damaged, or something that is due cannot be read. */
export async function scrub(options: ScrubOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const path = `${url.value}/scrub`;
  if (options.now === true) {
    const begun = factsIn(await sendText(path, { method: "POST" }, ANSWER_TIMEOUT_MS), 202, "damaged");
    if (!begun.ok) return begun;
    const ended = await waitForEnd(path, count(begun.value["dueBytes"]));
    if (!ended.ok) return ended;
  }
  const facts = factsIn(await getText(path, ANSWER_TIMEOUT_MS), 200, "damaged");
  return facts.ok ? tell(facts.value, options) : facts;
}

async function waitForEnd(path: string, totalBytes: number): Promise<Outcome> {
  const progress = startProgress("scrub", totalBytes);
  try {
    for (;;) {
      const facts = factsIn(await getText(path, ANSWER_TIMEOUT_MS), 200, "damaged");
      if (!facts.ok) return facts;
      if (facts.value["isRunning"] !== true) return ok();
      progress.report(Math.max(0, totalBytes - count(facts.value["dueBytes"])));
      await pause(LOOK_INTERVAL_MS);
    }
  } finally {
    progress.end();
  }
}

function tell(facts: Facts, { json }: ScrubOptions): Outcome {
  const damaged = records(facts["damaged"]);
  const awayBytes = count(facts["awayBytes"]);
  const unverifiedBytes = count(facts["unverifiedBytes"]);
  if (json === true) print(JSON.stringify(facts));
  else {
    const dueBytes = count(facts["dueBytes"]);
    const left = formatTime(count(facts["etaMs"]));
    const [periodMs, wholeMs] = [count(facts["periodMs"]), count(facts["wholeMs"])];
    const rows = [
      ["stored", formatBytes(count(facts["totalBytes"]))],
      ["due", dueBytes === 0 ? "nothing" : `${formatBytes(dueBytes)}, about ${left}`],
      ...(awayBytes === 0 ? [] : [["away", `${formatBytes(awayBytes)} of that are on volumes that are not there`]]),
      ...(unverifiedBytes === 0
        ? []
        : [["not verified", `${formatBytes(unverifiedBytes)} of that, when it was tried`]]),
      ...(wholeMs <= periodMs ? [] : [["too slow", tooSlow(wholeMs, periodMs)]]),
      ["oldest verified", String(facts["oldestVerifiedAt"] ?? "never")],
      ["damaged", `${facts["damagedRecords"]} records, ${damaged.length} objects`],
    ];
    for (const line of columns(rows)) print(...line);
    for (const { address, manifest, removed } of damaged) {
      print(`damaged  ${address ?? `cepa:${manifest}`}${removed === true ? "  in the trash" : ""}`);
    }
  }
  if (damaged.length > 0) {
    return fail({
      code: "storage.corrupt",
      message: `${damaged.length} objects are damaged: putting them again heals them`,
    });
  }
  if (awayBytes > 0) {
    return fail({
      code: "cli.not-scrubbed",
      message: `${formatBytes(awayBytes)} were not read: they are on volumes that are not there (cepa volumes)`,
    });
  }
  if (unverifiedBytes > 0) {
    return fail({
      code: "cli.not-scrubbed",
      message: `${formatBytes(unverifiedBytes)} could not be verified: the log says why, and they are tried again within a minute`,
    });
  }
  return ok();
}

function tooSlow(wholeMs: number, periodMs: number): string {
  const [takes, within] = [formatTime(wholeMs), formatTime(periodMs)];
  return `all of it takes ${takes} at storage.collectBytesPerSecondMax, and storage.scrubPeriodMs is ${within}`;
}
