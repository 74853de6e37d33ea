/**
 * `cepa car`: objects as CAR files, for other tools and other nodes.
 *
 * Nothing in a CAR is verified here: each block carries its digest, and whoever reads it compares, as the node does when
 * it imports one.
 */
import { print } from "#cli/console.ts";
import type { Outcome } from "#cli/failure.ts";
import { findUrl, type NodeChoice } from "#cli/find-node.ts";
import { download, mayWrite } from "#cli/get.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import { sendFile } from "#cli/put.ts";
import { descriptorOf } from "#cli/target.ts";
import { fail, ok } from "#runtime/errors.ts";

const MEDIA_TYPE = "application/vnd.ipld.car";

export interface CarExportOptions extends NodeChoice {
  readonly output?: string;
  /** Keep an existing file and fail. */
  readonly clobber?: boolean;
  readonly json?: boolean;
}

export async function carExport(address: string, options: CarExportOptions): Promise<Outcome> {
  const url = findUrl(options);
  if (!url.ok) return url;
  const { output = "-", clobber = true } = options;
  const isDescriptor = descriptorOf(output) !== undefined;
  const allowed = await mayWrite(output, clobber);
  if (!allowed.ok) return allowed;

  const path = `${url.value}/o/${encodeURIComponent(address)}`;
  const response = await getStream(path, ANSWER_TIMEOUT_MS, { accept: `${MEDIA_TYPE}; version=1` });
  if (!response.ok) return response;
  // A node that knows no CARs sends the object itself.
  if (response.value.headers["content-type"]?.startsWith(MEDIA_TYPE) !== true) {
    response.value.destroy();
    return fail({ code: "cli.bad-answer", message: `what answers at ${url.value} sends no CAR` });
  }
  const written = await download(response.value, output, address.slice(0, 15), undefined);
  if (!written.ok) return written;
  if (options.json === true && !isDescriptor) print(JSON.stringify({ address, size: written.value, file: output }));
  return ok();
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
