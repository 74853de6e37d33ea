/**
 * `cepa get` and `cepa stat` with a private link: what comes is verified and decrypted here, and nothing of it is seen
 * before all of it was found right. A file appears then. Of what goes to standard output or into a pipe the ciphertext
 * waits in a spool until then, and is verified once more when it is read from there.
 */
import { ciphertextAt, failureOf, primitives } from "#cli/ciphertext.ts";
import { columns, formatBytes, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { type GetOptions, keep, mayWrite, pour } from "#cli/get.ts";
import { startProgress } from "#cli/progress.ts";
import { Spool } from "#cli/spool.ts";
import type { StatOptions } from "#cli/stat.ts";
import { appearsWhole, descriptorOf, openTarget } from "#cli/target.ts";
import type { PrivateLink } from "#client/link.ts";
import { type ContentRange, extentOf, openPrivate, type PrivateObject } from "#client/private-object.ts";
import { ok } from "#runtime/errors.ts";

export interface GetPrivateOptions extends GetOptions {
  /** Of the content. */
  readonly range?: ContentRange;
}

export async function getPrivate(link: PrivateLink, options: GetPrivateOptions): Promise<Outcome> {
  const { output = "-", clobber = true } = options;
  const allowed = await mayWrite(output, clobber);
  if (!allowed.ok) return allowed;
  const url = findUrl(options);
  if (!url.ok) return url;
  const source = ciphertextAt(url.value);
  try {
    if (await appearsWhole(output)) return await write(await openPrivate(link, source, primitives), link, options);
    await using spool = new Spool(source, link.root);
    const object = await openPrivate(link, spool, primitives);
    await verify(object, link, options);
    return await write(object, link, options);
  } catch (error) {
    return failureOf(error);
  }
}

/** Throws what is wrong with any of it. */
async function verify(object: PrivateObject, link: PrivateLink, { range }: GetPrivateOptions): Promise<void> {
  const extent = extentOf(range, object.facts.size);
  const progress = startProgress(labelOf(object, link), extent.length);
  let doneBytes = 0;
  try {
    for await (const bytes of object.read(extent)) {
      doneBytes += bytes.length;
      progress.report(doneBytes);
    }
  } finally {
    progress.end();
  }
}

async function write(object: PrivateObject, link: PrivateLink, options: GetPrivateOptions): Promise<Outcome> {
  const { output = "-", clobber = true, range, json } = options;
  const extent = extentOf(range, object.facts.size);
  const target = await openTarget(output, { secret: true, clobber });
  if (!target.ok) return target;
  const progress = startProgress(labelOf(object, link), extent.length);
  const poured = await pour(object.read(extent), target.value, progress, () => undefined, failureOf);
  const kept = poured.ok ? await keep(target.value, poured.value) : poured;
  if (!kept.ok) {
    await target.value.discard();
    return kept;
  }
  const isDescriptor = descriptorOf(output) !== undefined;
  if (json === true && !isDescriptor) print(JSON.stringify({ root: link.root, size: kept.value, file: output }));
  return ok();
}

function labelOf({ facts }: PrivateObject, { root }: PrivateLink): string {
  return facts.name ?? `cepa:${root.slice(0, 12)}`;
}

/** What stands in the object beside its content, and what the node sees of it: root and chunks. */
export async function statPrivate(link: PrivateLink, options: StatOptions): Promise<Outcome> {
  const object = await open(link, options);
  if (!object.ok) return object;
  const { facts, chunkCount } = object.value;
  const { size, name, mediaType } = facts;
  if (options.json === true) print(JSON.stringify({ root: link.root, size, name, mediaType, chunks: chunkCount }));
  else {
    const rows = [
      ["root", link.root],
      ["size", `${size} (${formatBytes(size)})`],
      ...(name === undefined ? [] : [["name", name]]),
      ...(mediaType === undefined ? [] : [["media type", mediaType]]),
      ["chunks", String(chunkCount)],
    ];
    for (const line of columns(rows)) print(...line);
  }
  return ok();
}

async function open(link: PrivateLink, choice: NodeChoice): Promise<Outcome<PrivateObject>> {
  const url = findUrl(choice);
  if (!url.ok) return url;
  try {
    return ok(await openPrivate(link, ciphertextAt(url.value), primitives));
  } catch (error) {
    return failureOf(error);
  }
}
