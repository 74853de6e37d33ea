/**
 * The whole of HTTP as one function from request to response: who asks, what for, is there room, then the work.
 *
 * It runs beside the actor's turns, not in them: a request holds a permit, never the mailbox.
 */
import { healthz, MetricsPage, readyz, status } from "#actors/gateway/admin.ts";
import { type Admitted, adminWeight, readWeight, uploadWeight } from "#actors/gateway/admission.ts";
import { readCarOr } from "#actors/gateway/cars.ts";
import type { Answer, Desk, Served, Visit } from "#actors/gateway/desk.ts";
import type { HttpFailure } from "#actors/gateway/failures.ts";
import {
  collectGarbage,
  describeCollection,
  describeScrub,
  listTrash,
  pinTarget,
  removeTarget,
  restoreTarget,
  scrubNow,
  unpinTarget,
} from "#actors/gateway/holds.ts";
import type { MeteredRoute } from "#actors/gateway/meters.ts";
import { listNames, readHistory, readName, setName } from "#actors/gateway/names.ts";
import { readByRoot, readManifest, readObject, statObject } from "#actors/gateway/objects.ts";
import { AllowedHosts, checkHost, checkOrigin } from "#actors/gateway/origin.ts";
import { kindOf, parseRoute, type Route } from "#actors/gateway/routes.ts";
import { refusalOf } from "#actors/gateway/status-table.ts";
import { appendUpload, beginUpload, cancelUpload, describeTus, statUpload } from "#actors/gateway/tus.ts";
import { adaptRefusal, methodOf, tusHeaders } from "#actors/gateway/tus-fields.ts";
import { putCar, putObject } from "#actors/gateway/uploads.ts";
import { describeVolumes, forgetVolume, repairVolumes } from "#actors/gateway/volumes.ts";
import type { EdgeOutcome, EdgeRequest, EdgeResponse } from "#runtime/edge/edge.ts";
import { corrIdOf, renderRefusal } from "#runtime/edge/refusal.ts";
import { fail, ok, unreachable } from "#runtime/errors.ts";

/** What is known of a request while it is handled; it fills up on the way. */
interface Card {
  readonly request: EdgeRequest;
  readonly corrId: string;
  readonly startedMs: number;
  route: MeteredRoute;
  admitted: Admitted | undefined;
}

/** Refusals of these statuses are work refused; the others are questions answered. */
const rejections: ReadonlySet<number> = new Set([403, 408, 413, 421, 429, 503, 507]);

/** Of these nothing is changed, whatever the route. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** What is sent so is no part of anything (RFC 9110 §14.5). */
const WHOLE: ReadonlySet<string> = new Set(["PUT", "POST"]);

export class Handler {
  readonly #desk: Desk;
  readonly #metricsPage: MetricsPage;
  #hosts: AllowedHosts;
  #hostsConfigured: string;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#metricsPage = new MetricsPage(desk.startedMs);
    this.#hostsConfigured = desk.config.current.allowedHosts;
    this.#hosts = new AllowedHosts(desk.node.http, this.#hostsConfigured);
  }

  async handle(request: EdgeRequest): Promise<EdgeResponse> {
    const { clock, meters, random } = this.#desk;
    const corrId = corrIdOf(request.headers["x-correlation-id"], random);
    const card: Card = { request, corrId, startedMs: clock.nowMs(), route: "none", admitted: undefined };
    meters.opened();
    const served = await this.#serve(card);
    return served.ok ? this.#deliver(card, served.value) : this.#refuse(card, served.failure);
  }

  async #serve(card: Card): Served {
    const { request } = card;
    const hosts = this.#allowedHosts();
    const named = checkHost(request.headers, hosts);
    if (!named.ok) return named;
    const route = parseRoute(methodOf(request), request.path);
    if (!route.ok) return route;

    card.route = route.value.name;
    const kind = kindOf(route.value.name);
    const mayChange = kind === "write" || !SAFE.has(methodOf(request));
    const origin = mayChange ? checkOrigin(request.headers, hosts) : ok();
    if (!origin.ok) return origin;
    if (WHOLE.has(methodOf(request)) && request.headers["content-range"] !== undefined) {
      return fail({ code: "gateway.partial-put" });
    }
    const admitted = this.#desk.admission.admit(kind, request.remote, weightOf(route.value, request));
    if (!admitted.ok) return admitted;
    card.admitted = admitted.value;
    return await this.#perform(route.value, { request, admitted: admitted.value, within: request.within });
  }

  async #perform(route: Route, visit: Visit): Served {
    const desk = this.#desk;
    switch (route.name) {
      case "object": {
        const { address } = route;
        return await readCarOr(desk, visit, { address }, () => readObject(desk, visit, address));
      }
      case "manifest": {
        const { root } = route;
        return await readCarOr(desk, visit, { root }, () => readManifest(desk, visit, root));
      }
      case "put":
        return await putObject(desk, visit, undefined);
      case "put-as":
        return await putObject(desk, visit, route.address);
      case "put-car":
        return await putCar(desk, visit);
      case "stat":
        return await statObject(desk, visit, route.address);
      case "manifest-data":
        return await readByRoot(desk, visit, route.root);
      case "remove":
        return await removeTarget(desk, visit, route.target);
      case "restore":
        return await restoreTarget(desk, visit, route.target);
      case "pin":
        return await pinTarget(desk, visit, route.target);
      case "unpin":
        return await unpinTarget(desk, visit, route.target);
      case "trash":
        return await listTrash(desk, visit);
      case "collect":
        return await collectGarbage(desk, visit);
      case "collection":
        return await describeCollection(desk, visit);
      case "scrub":
        return await describeScrub(desk, visit);
      case "scrub-now":
        return await scrubNow(desk, visit);
      case "volumes":
        return await describeVolumes(desk, visit);
      case "forget-volume":
        return await forgetVolume(desk, visit);
      case "repair":
        return await repairVolumes(desk, visit);
      case "tus":
        return ok(describeTus(desk));
      case "upload-begin":
        return await beginUpload(desk, visit);
      case "upload-stat":
        return await statUpload(desk, visit, route.upload);
      case "upload-append":
        return await appendUpload(desk, visit, route.upload);
      case "upload-cancel":
        return await cancelUpload(desk, visit, route.upload);
      case "name":
        return await readName(desk, visit, route.of);
      case "name-set":
        return await setName(desk, visit, route.of);
      case "name-history":
        return await readHistory(desk, visit, route.of);
      case "names":
        return await listNames(desk, visit, route.publicKey);
      case "status":
        return await status(desk, visit);
      case "metrics":
        return ok(await this.#metricsPage.render(desk, visit));
      case "healthz":
        return ok(healthz());
      case "readyz":
        return ok(readyz(desk, visit));
      default:
        return unreachable(route);
    }
  }

  #deliver(card: Card, { status, headers, body, lengthBytes, release }: Answer): EdgeResponse {
    this.#count(card, status);
    return {
      status,
      headers: { ...tusHeaders(card.request), ...headers, "X-Correlation-Id": card.corrId },
      body,
      lengthBytes,
      settled: (outcome) => {
        release?.();
        this.#close(card, status, undefined, outcome);
      },
    };
  }

  #refuse(card: Card, failure: HttpFailure): EdgeResponse {
    const refusal = adaptRefusal(card.request, refusalOf(failure));
    this.#count(card, refusal.status);
    if (rejections.has(refusal.status)) this.#desk.meters.rejected(refusal.code);
    return {
      status: refusal.status,
      ...renderRefusal(refusal, card.corrId, this.#desk.random),
      settled: (outcome) => this.#close(card, refusal.status, refusal.code, outcome),
    };
  }

  #count({ route, startedMs }: Card, status: number): void {
    this.#desk.meters.answered(route, status, this.#desk.clock.nowMs() - startedMs);
  }

  /** The access log: every request at debug, what the node is to blame for at warn. */
  #close(card: Card, status: number, code: string | undefined, { complete, bytesSent, cause }: EdgeOutcome): void {
    const { request, corrId, route, startedMs, admitted } = card;
    const { log, clock, meters } = this.#desk;
    admitted?.release();
    meters.closed(bytesSent);
    const elapsedMs = Math.round(clock.nowMs() - startedMs);
    const { method, path, remote } = request;
    const fields = { method, path, remote, route, status, code, corrId, bytesSent, elapsedMs };
    if (!complete && cause?.code.startsWith("edge.") === false)
      log.warn("gateway.cut", { ...fields, cause: cause.code });
    else if (status === 500 || status === 502) log.warn("gateway.failed", fields);
    else log.debug("gateway.answered", complete ? fields : { ...fields, cause: cause?.code });
  }

  /** Made anew when the configuration names others. */
  #allowedHosts(): AllowedHosts {
    const { allowedHosts } = this.#desk.config.current;
    if (allowedHosts !== this.#hostsConfigured) {
      this.#hostsConfigured = allowedHosts;
      this.#hosts = new AllowedHosts(this.#desk.node.http, allowedHosts);
    }
    return this.#hosts;
  }
}

function weightOf(route: Route, { method, contentLength }: EdgeRequest): number {
  switch (route.name) {
    case "put":
    case "put-as":
    case "put-car":
    case "upload-begin":
    case "upload-append":
    case "name-set":
      return uploadWeight(contentLength);
    case "object":
    case "manifest":
    case "manifest-data":
    case "stat":
    case "name":
    case "name-history":
    case "names":
      return readWeight(route.name, method);
    default:
      return adminWeight;
  }
}
