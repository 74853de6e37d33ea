/**
 * `cepa events get --resolve`: the bytes that the payload of an event links to, from the store or from a bucket.
 *
 * Who wrote the event says where they are, so nothing of what comes is believed: it has the size that the event says before a byte
 * is written, and the address that it says before a file appears under its name. A bucket is asked without a name or a
 * certificate of ours, and where it sends us elsewhere nobody goes.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { AdminChoice } from "#cli/admin-node.ts";
import { print } from "#cli/console.ts";
import { readEvent } from "#cli/events.ts";
import type { Outcome } from "#cli/failure.ts";
import { download, fetchObject, mayWrite } from "#cli/get.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import { descriptorOf } from "#cli/target.ts";
import { type PayloadRef, refIn } from "#client/payload-ref.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface ResolveOptions extends AdminChoice {
  readonly output?: string;
  readonly clobber?: boolean;
}

export async function resolveEvent(eventId: string, options: ResolveOptions): Promise<Outcome> {
  const event = await readEvent(eventId, options);
  if (!event.ok) return event;
  const ref = refIn(event.value.payload);
  if (typeof ref === "string") {
    const message = `the payload of ${eventId} links to nothing that can be had: ${ref}`;
    return fail({ code: "cli.no-ref", message });
  }
  if (ref.url !== undefined) return await fromBucket(ref, ref.url, options);
  return await fetchObject(ref.address, options, {
    expected: ref.address,
    refusalOf: (headers) =>
      headers.etag?.includes(ref.address) === true ? wrongSize(headers, ref) : "does not say which object it sends",
  });
}

async function fromBucket(ref: PayloadRef, url: string, options: ResolveOptions): Promise<Outcome> {
  const { output = "-", clobber = true, json } = options;
  const allowed = await mayWrite(output, clobber);
  if (!allowed.ok) return allowed;
  const { host } = new URL(url);
  const response = await getStream(url, ANSWER_TIMEOUT_MS);
  if (!response.ok) {
    const { code, message } = response.failure;
    return fail({ code, message: `the payload is linked to ${host}: ${message}` });
  }
  const refusal = wrongSize(response.value.headers, ref);
  if (refusal !== undefined) {
    response.value.destroy();
    return fail({ code: "cli.bad-answer", message: `what answers at ${host} ${refusal}` });
  }
  const written = await download(response.value, { output, clobber }, ref.address.slice(0, 15), ref.address);
  if (!written.ok) return written;
  if (json === true && descriptorOf(output) === undefined) {
    print(JSON.stringify({ address: ref.address, size: written.value, file: output }));
  }
  return ok();
}

function wrongSize(headers: IncomingHttpHeaders, { size }: PayloadRef): string | undefined {
  const length = headers["content-length"];
  if (length === undefined) return "does not say how long it is";
  return Number(length) === size ? undefined : `has ${length} bytes, and the event says ${size}`;
}
