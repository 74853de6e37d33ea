/**
 * A node as its administrators reach it: over TLS with certificates on both sides, each request signed. Where that is the node itself
 * says, in its status, unless somebody else does: what answers there shows a certificate of our authority, or is not spoken to.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ADMIN_TIMEOUT_MS } from "#cli/admin.ts";
import { type AdminFiles, readAdminFiles } from "#cli/admin-files.ts";
import type { CliFailure, Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, factsIn, getText, refusalIn, sendText, type TextAnswer } from "#cli/http.ts";
import { signAdminRequest } from "#client/admin-request.ts";
import { isRecord } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";
import { second } from "#runtime/units.ts";

/** How long a node is asked again whose cells are not linked yet. */
export const LINKED_MS: number = 5 * second;
const LINKED_PAUSE_MS = 200;

export interface AdminChoice extends NodeChoice {
  /** Where the files of `auth init` are. */
  readonly admin: string;
  /** URL of the listener, instead of what the node says. */
  readonly adminUrl?: string | undefined;
  readonly json?: boolean;
}

/** Somebody who asks a node as an administrator. */
export class AdminNode {
  readonly #url: string;
  readonly #files: AdminFiles;

  constructor(url: string, files: AdminFiles) {
    this.#url = url;
    this.#files = files;
  }

  /**
   * Answers of any status are answers, but for one: a node that has just begun may not have linked its cells yet. Nothing was
   * done then, and it is asked again, for `LINKED_MS`.
   */
  async ask(
    method: "GET" | "POST",
    path: string,
    order: Readonly<Record<string, unknown>> = {},
  ): Promise<Outcome<TextAnswer>> {
    const giveUpMs = performance.now() + LINKED_MS;
    for (;;) {
      const answer = await this.#askOnce(method, path, order);
      if (!answer.ok || answer.value.status !== 503 || performance.now() > giveUpMs) return answer;
      if (refusalIn(answer.value).code !== "runtime.not-connected") return answer;
      await pause(LINKED_PAUSE_MS);
    }
  }

  async #askOnce(
    method: "GET" | "POST",
    path: string,
    order: Readonly<Record<string, unknown>>,
  ): Promise<Outcome<TextAnswer>> {
    const { tls, signer, directory } = this.#files;
    const nonce = randomBytes(16).toString("hex");
    const { body, headers } = await signAdminRequest({ method, path, body: order, nonce }, signer);
    const how = { method, headers, ...tls, ...(method === "GET" ? {} : { body }) };
    const answer = await sendText(`${this.#url}${path}`, how, ANSWER_TIMEOUT_MS);
    return answer.ok || answer.failure.code !== "cli.not-trusted"
      ? answer
      : fail(distrust(this.#url, directory, answer.failure));
  }
}

export async function findAdminNode(choice: AdminChoice): Promise<Outcome<AdminNode>> {
  const files = await readAdminFiles(choice.admin);
  if (!files.ok) return files;
  const url = choice.adminUrl === undefined ? await urlOf(choice) : ok(choice.adminUrl.replace(/\/+$/, ""));
  return url.ok ? ok(new AdminNode(url.value, files.value)) : url;
}

async function urlOf(choice: NodeChoice): Promise<Outcome<string>> {
  const node = findUrl(choice);
  if (!node.ok) return node;
  const facts = factsIn(await getText(`${node.value}/status`, ADMIN_TIMEOUT_MS), 200, "gateway");
  if (!facts.ok) return facts;
  const { gateway } = facts.value;
  const said = isRecord(gateway) ? gateway["admin"] : undefined;
  if (typeof said === "string" && URL.canParse(said) && said.startsWith("https:")) return ok(said);
  const message = `${node.value} lets no administrators in: start it with the configuration of cepa auth init`;
  return fail({ code: "cli.no-administrators", message });
}

function distrust(url: string, directory: string, { message: reason }: { readonly message: string }): CliFailure {
  const message = `${url} does not take the certificate in ${directory}, or shows none of the authority there: ${reason}`;
  return { code: "cli.not-trusted", message };
}
