/**
 * The whole of what administrators can do, as one function from request to response: how it came, what for, who asks, whether
 * they signed it and never before, whether it says what is wanted, then the work.
 *
 * The nonce is taken last, when everything else holds: nobody can use up another's, or fill the memory of Redis.
 */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { canonicalText } from "#actors/domain/canonical-json.ts";
import type { JsonObject } from "#actors/domain/json-value.ts";
import { keyJson, pendingJson } from "#actors/gateway/administrators/answers.ts";
import { type Credentials, checkSignature, credentialsOf } from "#actors/gateway/administrators/credentials.ts";
import { askIngest } from "#actors/gateway/administrators/ingest.ts";
import { approveIn, auditedIn, readOrder, reviewIn, revokeIn } from "#actors/gateway/administrators/orders.ts";
import { type AdminRoute, type Filter, pageBefore, parseAdminRoute } from "#actors/gateway/administrators/routes.ts";
import { type Answer, type Desk, jsonAnswer, type Served } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import type { MeteredRoute } from "#actors/gateway/meters.ts";
import { refusalOf } from "#actors/gateway/status-table.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import type { EdgeOutcome, EdgeRequest, EdgeResponse } from "#runtime/edge/edge.ts";
import { corrIdOf, renderRefusal } from "#runtime/edge/refusal.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";
import type { CallOptions, Ref } from "#runtime/ref.ts";

/** Keys in one answer; the next ones are at the `Link` of it. */
export const ADMIN_KEYS_LISTED_MAX = 100;
/** Characters of an order that are in the log. */
export const AUDIT_LENGTH_MAX = 1024;

export interface AdminDesk extends Pick<Desk, "config" | "clock" | "random" | "log" | "meters" | "writeGate"> {
  readonly auth: Ref<AuthProtocol>;
  readonly ingest: Ref<IngestProtocol>;
  readonly disk: Disk;
}

interface Card {
  readonly request: EdgeRequest;
  readonly corrId: string;
  readonly startedMs: number;
  route: MeteredRoute;
}

/** A request of an administrator, who has signed it, and whom nobody has heard this from before. */
interface Order {
  readonly route: AdminRoute;
  readonly body: JsonObject;
  readonly reviewer: string;
  readonly options: CallOptions;
}

export class AdminHandler {
  readonly #desk: AdminDesk;

  constructor(desk: AdminDesk) {
    this.#desk = desk;
  }

  async handle(request: EdgeRequest): Promise<EdgeResponse> {
    const { clock, meters, random } = this.#desk;
    const corrId = corrIdOf(request.headers["x-correlation-id"], random);
    const card: Card = { request, corrId, startedMs: clock.nowMs(), route: "none" };
    meters.opened();
    const served = await this.#serve(card);
    return served.ok ? this.#deliver(card, served.value) : this.#refuse(card, served.failure);
  }

  async #serve(card: Card): Served {
    const { request } = card;
    const came = checkForm(request);
    if (!came.ok) return came;
    const route = parseAdminRoute(request.method, request.path);
    if (!route.ok) return route;
    card.route = route.value.name;
    if (request.method === "POST" && this.#desk.writeGate.isDraining) return fail({ code: "gateway.draining" });

    const credentials = await credentialsOf(this.#desk, request);
    if (!credentials.ok) return credentials;
    const body = await readOrder(request.body, request.contentLength);
    if (!body.ok) return body;
    const signed = checkSignature(credentials.value, request, body.value);
    if (!signed.ok) return signed;
    const audited = auditedIn(route.value.name, body.value);
    if (!audited.ok) return audited;
    const options = { timeoutMs: this.#desk.config.current.callTimeoutMs, within: request.within };
    // No more than that: the rest has keys in it, which no link carries.
    const { fingerprint, nonce } = credentials.value;
    const fresh = await this.#desk.auth.call("takeAdminNonce", { fingerprint, nonce }, options);
    if (!fresh.ok) return fresh;
    if (!fresh.value) return fail({ code: "gateway.not-admin", problem: "replay" });
    this.#audit(card, credentials.value, audited.value);
    const reviewer = credentials.value.certified.principal;
    return await this.#perform({ route: route.value, body: body.value, reviewer, options });
  }

  async #perform(order: Order): Served {
    const { route } = order;
    switch (route.name) {
      case "admin-keys":
        return await this.#list(order, route.filter, route.before);
      case "admin-pending":
        return await this.#pending(order);
      case "admin-review":
        return await this.#review(order);
      case "admin-revoke":
        return await this.#revoke(order);
      case "admin-approve":
        return await this.#approve(order);
      default:
        return await askIngest(this.#desk.ingest, { ...order, route });
    }
  }

  async #list({ options }: Order, filter: Filter, before: number | undefined): Served {
    const limit = ADMIN_KEYS_LISTED_MAX;
    const listed = await this.#desk.auth.call("listKeys", { filter, limit, before }, options);
    if (!listed.ok) return listed;
    const nowMs = this.#desk.clock.wallMs();
    const last = listed.value.length < limit ? undefined : listed.value.at(-1);
    const next = last === undefined ? {} : { Link: `<${pageBefore(filter, last.number)}>; rel="next"` };
    const keys = listed.value.map((row) => (filter === "pending" ? pendingJson(row) : keyJson(row, nowMs)));
    return ok(jsonAnswer(200, keys, next));
  }

  async #pending({ options }: Order): Served {
    const pending = { filter: "pending", limit: ADMIN_KEYS_LISTED_MAX } as const;
    const listed = await this.#desk.auth.call("listKeys", pending, options);
    return listed.ok ? ok(jsonAnswer(200, listed.value.map(pendingJson))) : listed;
  }

  async #review({ body, reviewer, options }: Order): Served {
    const order = reviewIn(body);
    if (!order.ok) return order;
    const { action, fingerprint, producerId, reason, notes } = order.value;
    // Who is denied is told why, and nothing that administrators note for each other while there is a reason.
    const said = action === "deny" ? (reason ?? notes) : notes;
    const review = { action, fingerprint, producerId, reviewer, notes: said };
    const reviewed = await this.#desk.auth.call("reviewKey", review, options);
    if (!reviewed.ok) return reviewed;
    const { value } = reviewed;
    const told = { producer_id: producerId, status: value.kind, fingerprint };
    return ok(
      value.kind === "approved"
        ? jsonAnswer(200, { ...told, type: value.type, already: value.wasApproved, told: value.isTold })
        : jsonAnswer(200, { ...told, reason: said ?? null, told: value.isTold }),
    );
  }

  async #revoke({ body, reviewer, options }: Order): Served {
    const order = revokeIn(body);
    if (!order.ok) return order;
    const revoked = await this.#desk.auth.call("revoke", { ...order.value, reviewer }, options);
    if (!revoked.ok) return revoked;
    return ok({ status: 204, headers: { "Cache-Control": "no-store" }, body: undefined });
  }

  async #approve({ body, reviewer, options }: Order): Served {
    const order = approveIn(body);
    if (!order.ok) return order;
    const approved = await this.#desk.auth.call("approveWithToken", { ...order.value, reviewer }, options);
    if (!approved.ok) return approved;
    const { producerId, token, jti, until } = approved.value;
    return ok(jsonAnswer(200, { producer_id: producerId, token, jti, expires_at: until }));
  }

  /**
   * Who wanted what: before it is done, because it may be done without an answer. Not what else was sent: who takes a token for
   * its name would have it in the log, where others read it while it counts.
   */
  #audit({ request, corrId }: Card, { certified, fingerprint }: Credentials, audited: JsonObject): void {
    const { principal, keyId, serial } = certified;
    const who = { principal, certificate: keyId, serial: String(serial), fingerprint, client: request.client?.names };
    const { method, path, remote } = request;
    const asked = canonicalText(audited).slice(0, AUDIT_LENGTH_MAX);
    this.#desk.log.info("gateway.admin-asked", { ...who, method, path, remote, asked, corrId });
  }

  #deliver(card: Card, { status, headers, body }: Answer): EdgeResponse {
    this.#count(card, status);
    const settled = (outcome: EdgeOutcome): void => this.#close(card, status, outcome);
    return { status, headers: { ...headers, "X-Correlation-Id": card.corrId }, body, settled };
  }

  #refuse(card: Card, failure: HttpFailure): EdgeResponse {
    const { log, meters, random } = this.#desk;
    const { request, corrId } = card;
    const refusal = refusalOf(failure);
    this.#count(card, refusal.status);
    meters.rejected(refusal.code);
    if (failure.code === "gateway.not-admin") {
      const { method, path, remote, client } = request;
      log.warn("gateway.not-admin", { problem: failure.problem, method, path, remote, client: client?.names, corrId });
    }
    const settled = (outcome: EdgeOutcome): void => this.#close(card, refusal.status, outcome);
    return { status: refusal.status, ...renderRefusal(refusal, corrId, random), settled };
  }

  #count({ route, startedMs }: Card, status: number): void {
    this.#desk.meters.answered(route, status, this.#desk.clock.nowMs() - startedMs);
  }

  #close({ request, corrId, route }: Card, status: number, { complete, bytesSent }: EdgeOutcome): void {
    this.#desk.meters.closed(bytesSent);
    const { method, path, remote } = request;
    this.#desk.log.debug("gateway.answered", { method, path, remote, route, status, corrId, bytesSent, complete });
  }
}

/** What is not signed must not mean anything: a query, and what a proxy says of who asks. */
function checkForm({ query, headers }: EdgeRequest): Result<void, HttpFailure> {
  if (query !== "") return fail({ code: "gateway.query-refused" });
  const forwarded = Object.keys(headers).find((name) => name === "forwarded" || name.startsWith("x-forwarded"));
  return forwarded === undefined ? ok() : fail({ code: "gateway.forwarded-refused", field: forwarded });
}
