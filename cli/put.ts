/**
 * `cepa put`: stores files, and prints the address of each, or with `--private` what `put-private.ts` made of it.
 *
 * The digest is taken here too, while the bytes are sent: an address printed is the BLAKE3-256 of the file as this
 * machine read it, and a node that answers with another one is not believed.
 */
import { once } from "node:events";
import { createReadStream, open } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { noteFailure, print } from "#cli/console.ts";
import { startDigest } from "#cli/digest.ts";
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { putStream, refusalIn, type Upload } from "#cli/http.ts";
import { type Progress, startProgress } from "#cli/progress.ts";
import { type ObjectFacts, parseFacts } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";
import { MiB } from "#runtime/units.ts";

/** One read of a file: 64 KiB sends at a quarter of the rate. */
export const READ_BYTES: number = 1 * MiB;

const openDescriptor = promisify(open);

export interface PutOptions extends NodeChoice {
  readonly json?: boolean;
  /** How the node cuts it. */
  readonly chunker?: string;
  /** For how long it is held, ms; until it is removed where it is not said. */
  readonly for?: number;
}

/** A file that was stored, as it is printed. */
export interface Stored {
  /** What to `get` it by. */
  readonly name: string;
  /** What `--json` says of it. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Stores every file it can with `store`, in order; fails with the last failure. `-` is standard input. */
export async function put(
  files: readonly string[],
  options: PutOptions,
  store: (url: string, file: string, options: PutOptions) => Promise<Outcome<Stored>> = putFile,
): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;

  let outcome: Outcome = ok();
  for (const file of files) {
    const stored = await store(url.value, file, options);
    if (stored.ok) {
      print(line(stored.value, file, files.length > 1, options.json === true));
      continue;
    }
    const { code, message } = stored.failure;
    if (files.length === 1) {
      return fail({ code, message: code === "cli.file-unreadable" ? `${nameOf(file)}: ${message}` : message });
    }
    noteFailure(stored.failure, { json: options.json, of: { file: nameOf(file) } });
    outcome = fail({ code, message: "not every file was stored" });
  }
  return outcome;
}

async function putFile(url: string, file: string, { chunker, for: keepMs }: PutOptions): Promise<Outcome<Stored>> {
  const digest = startDigest();
  const onChunk = (chunk: Uint8Array): void => digest.update(chunk);
  const stored = await sendFile(`${url}/put`, file, { chunker, keepMs, onChunk });
  if (!stored.ok) return stored;
  const { address, size, chunks, manifest, known } = stored.value;
  if (address === digest.address()) return ok({ name: address, facts: { address, size, chunks, manifest, known } });
  const message = `the node says ${address}, but ${nameOf(file)} is ${digest.address()}`;
  return fail({ code: "cli.bytes-differ", message });
}

/** How a file is sent, beside what its own length says. */
export interface SendOptions extends Pick<Upload, "chunker" | "keepMs"> {
  readonly onChunk?: (chunk: Uint8Array) => void;
}

/** Sends a file, or standard input, to a route that answers with what it stored. */
export async function sendFile(
  url: string,
  file: string,
  { onChunk, ...how }: SendOptions,
): Promise<Outcome<ObjectFacts & { readonly known: boolean }>> {
  const source = await openSource(file);
  if (!source.ok) return source;
  const { sizeBytes, chunks, release } = source.value;
  const progress = startProgress(file === "-" ? "stdin" : basename(file), sizeBytes);
  const answer = await putStream(url, { ...how, sizeBytes, chunks: observed(chunks, progress, onChunk), release });
  progress.end();
  if (!answer.ok) return answer;

  const { status, body } = answer.value;
  if (status !== 200 && status !== 201) return fail(refusalIn(answer.value));
  const facts = parseFacts(body);
  if (facts === undefined) return fail({ code: "cli.bad-answer", message: "the node's answer names no object" });
  return ok({ ...facts, known: status === 200 });
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

/** Opened before it is announced, so that an unreadable file costs no request. */
export async function openSource(file: string): Promise<Outcome<Upload>> {
  if (file === "-") return ok(uploadOf(process.stdin, undefined));
  try {
    const facts = await stat(file);
    if (facts.isDirectory())
      return fail({ code: "cli.file-unreadable", message: "is a directory, which only cepa put -r takes" });
    // A read of a pipe as a file ends when something comes, and until then neither it nor the process does.
    if (facts.isFIFO()) {
      const fd = await openDescriptor(file, "r");
      return ok(uploadOf(new Socket({ fd, writable: false }), undefined));
    }
    const stream = createReadStream(file, { highWaterMark: READ_BYTES });
    await once(stream, "open");
    return ok(uploadOf(stream, facts.isFile() ? facts.size : undefined));
  } catch (error) {
    return fail({ code: "cli.file-unreadable", message: reasonOf(error) });
  }
}

function uploadOf(stream: Readable, sizeBytes: number | undefined): Upload {
  return { chunks: stream, sizeBytes, release: () => void stream.destroy() };
}

async function* observed(
  chunks: Upload["chunks"],
  progress: Progress,
  onChunk: ((chunk: Uint8Array) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for await (const chunk of chunks) {
    onChunk?.(chunk);
    doneBytes += chunk.byteLength;
    progress.report(doneBytes);
    yield chunk;
  }
}

function line({ name, facts }: Stored, file: string, named: boolean, json: boolean): string {
  if (json) return JSON.stringify({ file, ...facts });
  return named ? `${name}  ${file}` : name;
}
