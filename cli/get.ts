/**
 * `cepa get`: fetches an object and verifies it.
 *
 * A file appears under its name only when every byte has come, hashes to the address and is on the disk; until then it
 * is `FILE.part-<pid>`, removed on failure and on interruption. An existing file is replaced in one step. Standard output
 * and what is not a regular file (a pipe, a device) get the bytes as they come: there a mismatch can only be told
 * afterwards, by exit code 1.
 */
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { print } from "#cli/console.ts";
import { startDigest } from "#cli/digest.ts";
import { type CliFailure, errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import { type Progress, startProgress } from "#cli/progress.ts";
import { descriptorOf, fileAt, notReplaced, openTarget, type Target, unwritable } from "#cli/target.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface GetOptions extends NodeChoice {
  readonly output?: string;
  /** Keep an existing file and fail. */
  readonly clobber?: boolean;
  readonly json?: boolean;
}

export async function get(address: string, options: GetOptions): Promise<Outcome> {
  // Another server's page is not to land on a terminal or in a pipe.
  return await fetchObject(address, options, {
    expected: address,
    refusalOf: ({ etag }) => (etag?.includes(address) === true ? undefined : "does not say which object it sends"),
  });
}

/** What `/o/` has of the object, in the form that `headers` ask for, where `options` say. */
export async function fetchObject(
  address: string,
  options: GetOptions,
  form: {
    readonly headers?: Readonly<Record<string, string>>;
    /** What the bytes must hash to, if anything. */
    readonly expected?: string;
    /** Asked before a byte is written: what the node does wrong, in a few words, or whoever asked, if anybody. */
    readonly refusalOf: (headers: IncomingHttpHeaders) => string | CliFailure | undefined;
  },
): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const { output = "-", clobber = true } = options;
  const isDescriptor = descriptorOf(output) !== undefined;
  const allowed = await mayWrite(output, clobber);
  if (!allowed.ok) return allowed;

  const path = `${url.value}/o/${encodeURIComponent(address)}`;
  const response = await getStream(path, ANSWER_TIMEOUT_MS, form.headers);
  if (!response.ok) return response;
  const refusal = form.refusalOf(response.value.headers);
  if (refusal !== undefined) {
    response.value.destroy();
    if (typeof refusal !== "string") return fail(refusal);
    return fail({ code: "cli.bad-answer", message: `what answers at ${url.value} ${refusal}` });
  }
  const written = await download(response.value, { output, clobber }, address.slice(0, 15), form.expected);
  if (!written.ok) return written;
  if (options.json === true && !isDescriptor) print(JSON.stringify({ address, size: written.value, file: output }));
  return ok();
}

/** An answer's body into `output`, and its size. `address` is what it must hash to, if it has one of its own. */
export async function download(
  response: IncomingMessage,
  { output, clobber }: Required<Pick<GetOptions, "output" | "clobber">>,
  label: string,
  address: string | undefined,
): Promise<Outcome<number>> {
  const target = await openTarget(output, { clobber });
  if (!target.ok) {
    response.destroy();
    return target;
  }
  const copied = await copy(response, target.value, label, address);
  if (!copied.ok) await target.value.discard();
  return copied;
}

/**
 * Asked before the node is: what cannot be written costs no transfer, and a file that is there is not replaced against the
 * user's word.
 */
export async function mayWrite(output: string, clobber: boolean): Promise<Outcome> {
  if (descriptorOf(output) !== undefined) return ok();
  const found = await fileAt(output);
  if (!found.ok) return found;
  return clobber || found.value === undefined ? ok() : notReplaced(output);
}

async function copy(
  response: IncomingMessage,
  target: Target,
  label: string,
  address: string | undefined,
): Promise<Outcome<number>> {
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  const lengthBytes = Number.isSafeInteger(announced) ? announced : undefined;
  const progress = startProgress(label, lengthBytes);
  const digest = startDigest();
  const look = (chunk: Uint8Array): void => digest.update(chunk);
  const poured = await pour(response, target, progress, look, (error, doneBytes) => {
    const message = `the connection broke after ${doneBytes} of ${lengthBytes ?? "?"} bytes: ${reasonOf(error)}`;
    return fail({ code: "cli.cut-short", message });
  });
  response.destroy();
  if (!poured.ok) return poured;

  if (address !== undefined && digest.address() !== address) {
    return fail({ code: "cli.bytes-differ", message: `what came is ${digest.address()}, not ${address}` });
  }
  return await keep(target, poured.value);
}

/** Writes what comes, as fast as the target takes it. What the source throws is said by `told`. */
export async function pour(
  source: AsyncIterable<Uint8Array>,
  target: Target,
  progress: Progress,
  look: (chunk: Uint8Array) => void,
  told: (error: unknown, doneBytes: number) => Outcome<never>,
): Promise<Outcome<number>> {
  const broken = brokenTarget(target.stream);
  let doneBytes = 0;
  try {
    for await (const chunk of source) {
      look(chunk);
      doneBytes += chunk.length;
      progress.report(doneBytes);
      if (!target.stream.write(chunk)) await Promise.race([once(target.stream, "drain"), broken.promise]);
      if (broken.error !== undefined) return unwritable(broken.error, target.name);
    }
  } catch (error) {
    return broken.error === undefined ? told(error, doneBytes) : unwritable(broken.error, target.name);
  } finally {
    progress.end();
  }
  return ok(doneBytes);
}

/** Makes what was written appear under its name, all of it, and answers with its size. */
export async function keep(target: Target, doneBytes: number): Promise<Outcome<number>> {
  try {
    await target.keep(doneBytes);
  } catch (error) {
    return errnoOf(error) === "EEXIST" ? notReplaced(target.name) : unwritable(error, target.name);
  }
  return ok(doneBytes);
}

/** An error of a stream is an event: kept here until the copy looks, and waking it if it waits for room. */
function brokenTarget(stream: Writable): { error: Error | undefined; readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const broken: { error: Error | undefined; readonly promise: Promise<void> } = { error: undefined, promise };
  stream.on("error", (error) => {
    broken.error = error;
    resolve();
  });
  return broken;
}
