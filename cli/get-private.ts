/**
 * `cepa get` and `cepa stat` with a private link: what comes is verified and decrypted here. A byte is written when the
 * whole chunk it is in was found right, and with `-o FILE` the file appears when all of them were.
 */
import { ciphertextAt, failureOf, primitives } from "#cli/ciphertext.ts";
import { columns, formatBytes, print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { type GetOptions, keep, mayWrite, pour } from "#cli/get.ts";
import { startProgress } from "#cli/progress.ts";
import type { StatOptions } from "#cli/stat.ts";
import { descriptorOf, openTarget } from "#cli/target.ts";
import type { PrivateLink } from "#client/link.ts";
import { type ContentRange, extentOf, openPrivate, type PrivateObject } from "#client/private-object.ts";
import { ok } from "#runtime/errors.ts";

export interface GetPrivateOptions extends GetOptions {
  /** Of the content. */
  readonly range?: ContentRange;
}

export async function getPrivate(link: PrivateLink, options: GetPrivateOptions): Promise<Outcome> {
  const { output = "-", clobber = true, range, json } = options;
  const allowed = await mayWrite(output, clobber);
  if (!allowed.ok) return allowed;
  const object = await open(link, options);
  if (!object.ok) return object;

  try {
    const extent = extentOf(range, object.value.facts.size);
    const target = await openTarget(output, { secret: true });
    if (!target.ok) return target;
    const progress = startProgress(object.value.facts.name ?? `cepa:${link.root.slice(0, 12)}`, extent.length);
    const poured = await pour(object.value.read(extent), target.value, progress, () => undefined, failureOf);
    const kept = poured.ok ? await keep(target.value, poured.value) : poured;
    if (!kept.ok) {
      await target.value.discard();
      return kept;
    }
    const isDescriptor = descriptorOf(output) !== undefined;
    if (json === true && !isDescriptor) print(JSON.stringify({ root: link.root, size: kept.value, file: output }));
    return ok();
  } catch (error) {
    return failureOf(error);
  }
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
