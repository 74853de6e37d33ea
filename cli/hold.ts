/**
 * `cepa rm`, `restore`, `pin` and `unpin`: what becomes of objects that are stored.
 *
 * An object is named by its address, private content by its link: the node hears the root of it, never the key.
 */
import { noteFailure, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, type Facts, factsIn, sendText } from "#cli/http.ts";
import { fail, ok } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

export interface HoldOptions extends NodeChoice {
  readonly json?: boolean;
  /** Of a pin: for how long, ms. */
  readonly for?: number;
}

export type Hold = "rm" | "restore" | "pin" | "unpin";

interface Way {
  readonly method: "DELETE" | "POST" | "PUT";
  readonly part: string;
  /** A field of every answer. */
  readonly field: string;
  /** What is true afterwards, for people. */
  readonly say: (answer: Facts) => string;
}

const WAYS: { readonly [Name in Hold]: Way } = {
  rm: {
    method: "DELETE",
    part: "",
    field: "restorableUntil",
    say: ({ restorableUntil }) => `removed, can be restored until ${restorableUntil}`,
  },
  restore: { method: "POST", part: "/restore", field: "manifest", say: () => "restored" },
  pin: {
    method: "PUT",
    part: "/pin",
    field: "pinned",
    say: ({ until }) => (until === null ? "pinned" : `pinned until ${until}`),
  },
  unpin: { method: "DELETE", part: "/pin", field: "pinned", say: () => "let go: the next collection removes it" },
};

/** Does it to every one, in order; fails with the last failure. */
export async function hold(name: Hold, targets: readonly string[], options: HoldOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  let outcome: Outcome = ok();
  for (const target of targets) {
    const held = await holdOne(url.value, name, target, options);
    if (held.ok) {
      print(options.json === true ? JSON.stringify(held.value) : `${nameOf(target)}  ${WAYS[name].say(held.value)}`);
      continue;
    }
    if (targets.length === 1) return held;
    noteFailure(held.failure, { json: options.json, of: { object: nameOf(target) } });
    outcome = fail({ code: held.failure.code, message: `not all of it was done` });
  }
  return outcome;
}

async function holdOne(url: string, name: Hold, target: string, options: HoldOptions): Promise<Outcome<Facts>> {
  const { method, part, field } = WAYS[name];
  const headers: Record<string, string> =
    name === "pin" && options.for !== undefined ? { "cepa-keep": String(Math.ceil(options.for / second)) } : {};
  const answer = await sendText(`${url}${pathOf(target)}${part}`, { method, headers }, ANSWER_TIMEOUT_MS);
  return factsIn(answer, 200, field);
}

/** Of a link only what the node may hear. */
function nameOf(target: string): string {
  return target.replace(/#.*$/s, "");
}

function pathOf(target: string): string {
  const name = nameOf(target);
  const root = name.startsWith("cepa:") ? name.slice("cepa:".length) : undefined;
  return root === undefined ? `/o/${encodeURIComponent(name)}` : `/m/${root}`;
}
