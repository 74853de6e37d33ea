/**
 * `cepa car`: objects as CAR files, for other tools and other nodes.
 *
 * Nothing in a CAR is verified here: each block carries its digest, and whoever reads it compares, as the node does when
 * it imports one.
 */
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { fetchObject, type GetOptions } from "#cli/get.ts";
import { sendFile } from "#cli/put.ts";
import { fail, ok } from "#runtime/errors.ts";

const MEDIA_TYPE = "application/vnd.ipld.car";

export async function carExport(address: string, options: GetOptions): Promise<Outcome> {
  return await fetchObject(address, options, {
    headers: { accept: `${MEDIA_TYPE}; version=1` },
    // A node that knows no CARs sends the object itself.
    refusalOf: (headers) => (headers["content-type"]?.startsWith(MEDIA_TYPE) === true ? undefined : "sends no CAR"),
  });
}

/** `-` is standard input. Prints the address of the object that the CAR was made of. */
export async function carImport(file: string, options: NodeChoice & { readonly json?: boolean }): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const stored = await sendFile(`${url.value}/car`, file, {});
  if (!stored.ok) {
    const { code, message } = stored.failure;
    return fail({ code, message: code === "cli.file-unreadable" ? `${file}: ${message}` : message });
  }
  const { address, size, chunks, manifest, known } = stored.value;
  print(options.json === true ? JSON.stringify({ file, address, size, chunks, manifest, known }) : address);
  return ok();
}
