/**
 * `cepa get`: fetches an object and verifies it.
 *
 * A file appears under its name only when every byte has come and hashes to the address; until then it is
 * `FILE.part-<pid>`, removed on failure and on interruption. An existing file is replaced, as `cp` does, in one step.
 * What is not a regular file (a pipe, a device) and standard output get the bytes as they come: there a mismatch can
 * only be told afterwards, by exit code 1.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { realpath, rename, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { print } from "#cli/console.ts";
import { startDigest } from "#cli/digest.ts";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { getStream } from "#cli/http.ts";
import { startProgress } from "#cli/progress.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** Bytes that may wait for the disk. */
export const WRITE_AHEAD_BYTES: number = 1 * MiB;

export interface GetOptions extends NodeChoice {
  readonly output?: string;
  /** Keep an existing file and fail. */
  readonly clobber?: boolean;
  readonly json?: boolean;
}

interface Target {
  readonly stream: Writable;
  /** Makes the bytes appear under their name. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

export async function get(address: string, options: GetOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const { output = "-", clobber = true } = options;
  if (output !== "-" && !clobber && (await fileAt(output)) !== undefined) {
    return fail({ code: "cli.file-exists", message: `${output} exists, and --no-clobber was given` });
  }

  const response = await getStream(`${url.value}/o/${encodeURIComponent(address)}`);
  if (!response.ok) return response;
  const target = await openTarget(output);
  if (!target.ok) {
    response.value.destroy();
    return target;
  }

  const copied = await copy(response.value, address, target.value);
  if (!copied.ok) {
    await target.value.discard();
    return copied;
  }
  if (options.json === true && output !== "-") print(JSON.stringify({ address, size: copied.value, file: output }));
  return ok();
}

async function copy(response: IncomingMessage, address: string, target: Target): Promise<Outcome<number>> {
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  const lengthBytes = Number.isSafeInteger(announced) ? announced : undefined;
  const progress = startProgress(address.slice(0, 15), lengthBytes);
  const digest = startDigest();
  const broken = brokenTarget(target.stream);
  let doneBytes = 0;

  try {
    for await (const chunk of response) {
      digest.update(chunk);
      doneBytes += chunk.length;
      progress.report(doneBytes);
      if (!target.stream.write(chunk)) await Promise.race([once(target.stream, "drain"), broken.promise]);
      if (broken.error !== undefined) return unwritable(broken.error);
    }
  } catch (error) {
    if (broken.error !== undefined) return unwritable(broken.error);
    const message = `the connection broke after ${doneBytes} of ${lengthBytes ?? "?"} bytes: ${reasonOf(error)}`;
    return fail({ code: "cli.cut-short", message });
  } finally {
    progress.end();
    response.destroy();
  }

  if (digest.address() !== address) {
    return fail({ code: "cli.bytes-differ", message: `what came is ${digest.address()}, not ${address}` });
  }
  try {
    await target.keep();
  } catch (error) {
    return unwritable(error);
  }
  return ok(doneBytes);
}

async function openTarget(output: string): Promise<Outcome<Target>> {
  if (output === "-") return ok(direct(process.stdout));
  const existing = await fileAt(output);
  if (existing === "directory") return fail({ code: "cli.file-unwritable", message: `${output} is a directory` });

  try {
    if (existing === "other") {
      const stream = createWriteStream(output, { highWaterMark: WRITE_AHEAD_BYTES });
      await once(stream, "open");
      return ok({ ...direct(stream), keep: () => ended(stream) });
    }
    // A link keeps pointing where it points; what it points to is replaced.
    const path = existing === "file" ? await realpath(output) : output;
    const part = `${path}.part-${process.pid}`;
    const stream = createWriteStream(part, { highWaterMark: WRITE_AHEAD_BYTES });
    await once(stream, "open");
    return ok(viaPart(stream, part, path));
  } catch (error) {
    return unwritable(error);
  }
}

function viaPart(stream: Writable, part: string, path: string): Target {
  const discard = async (): Promise<void> => {
    stream.destroy();
    await rm(part, { force: true });
  };
  const interrupted = (): void => void discard().finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  return {
    stream,
    keep: async () => {
      await ended(stream);
      await rename(part, path);
    },
    discard,
  };
}

function direct(stream: Writable): Target {
  return { stream, keep: async () => undefined, discard: async () => undefined };
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.end(resolve);
  });
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

async function fileAt(path: string): Promise<"file" | "directory" | "other" | undefined> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return "file";
    return facts.isDirectory() ? "directory" : "other";
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? undefined : "other";
  }
}

function unwritable(error: unknown): Outcome<never> {
  return fail({ code: "cli.file-unwritable", message: reasonOf(error) });
}
