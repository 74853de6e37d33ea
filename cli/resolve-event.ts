/**
 * `cepa events get --resolve`: the bytes that the payload of an event links to, from the store or from a bucket.
 *
 * Who wrote the event says where they are, so nothing of what comes is believed: it has the size that the event says before a byte
 * is written, and the address that it says before a file appears under its name. A bucket is asked without a name or a
 * certificate of ours, and where it sends us elsewhere nobody goes.
 */
import type { AdminChoice } from "#cli/admin-node.ts";
import { print } from "#cli/console.ts";
import { readEvent } from "#cli/events.ts";
import type { CliFailure, Outcome } from "#cli/failure.ts";
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
    refusalOf: ({ etag, ...headers }) => {
      if (etag?.includes(ref.address) !== true) return "does not say which object it sends";
      if (headers["content-length"] === undefined) return NO_LENGTH;
      const { address, size } = ref;
      const stored = Number(headers["content-length"]);
      // A node sends nothing under an address but what has it, so it is the event that is mistaken.
      return stored === size ? undefined : wrongLink(`${address} has ${stored} bytes, and the event says ${size}`);
    },
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
    // Of the node nothing was asked: nobody is to look there.
    const isAway = code === "cli.unreachable" || code === "cli.no-answer";
    return fail({
      code: isAway ? "cli.link-unreachable" : code,
      message: `the payload is linked to ${host}: ${message}`,
    });
  }
  const length = response.value.headers["content-length"];
  if (length === undefined || Number(length) !== ref.size) {
    response.value.destroy();
    if (length === undefined) return fail({ code: "cli.bad-answer", message: `what answers at ${host} ${NO_LENGTH}` });
    return fail(wrongLink(`what ${host} sends has ${length} bytes, and the event says ${ref.size}`));
  }
  const written = await download(response.value, { output, clobber }, ref.address.slice(0, 15), ref.address);
  if (!written.ok) return written;
  if (json === true && descriptorOf(output) === undefined) {
    print(JSON.stringify({ address: ref.address, size: written.value, file: output }));
  }
  return ok();
}

const NO_LENGTH = "does not say how long it is";

function wrongLink(problem: string): CliFailure {
  return { code: "cli.link-wrong", message: `the link of the event is wrong: ${problem}` };
}
