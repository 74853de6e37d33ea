/**
 * `cepa put --private`: encrypts a file here, stores the ciphertext, and answers with the link to it. The node gets
 * neither the key nor the name of the file, which stands inside the encryption.
 */
import { basename } from "node:path";
import { ciphertextAt, failureOf, primitives } from "#cli/ciphertext.ts";
import type { Outcome } from "#cli/failure.ts";
import { putStream, refusalIn } from "#cli/http.ts";
import { startProgress } from "#cli/progress.ts";
import { openSource, type PutOptions, type Stored } from "#cli/put.ts";
import { type About, isName, PRIVATE_FORMAT, sealedLength } from "#client/private-format.ts";
import { Sealing } from "#client/sealing.ts";
import { parseRoot } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

export async function putPrivate(
  url: string,
  file: string,
  { for: keepMs }: Pick<PutOptions, "for"> = {},
): Promise<Outcome<Stored>> {
  const source = await openSource(file);
  if (!source.ok) return source;
  const { sizeBytes, chunks, release } = source.value;
  const about = aboutFile(file);
  const progress = startProgress(file === "-" ? "stdin" : basename(file), sizeBytes);
  const content = watched(chunks, sizeBytes, progress.report);
  try {
    const sealing = await Sealing.begin(content, about, primitives);
    const upload = {
      chunks: sealing.chunks,
      release,
      sizeBytes: sizeBytes === undefined ? undefined : sealedLength(sizeBytes, about),
      enc: PRIVATE_FORMAT,
      keepMs,
    };
    const answer = await putStream(`${url}/put`, upload);
    progress.end();
    if (!answer.ok) return answer;
    if (answer.value.status !== 200 && answer.value.status !== 201) return fail(refusalIn(answer.value));
    const root = parseRoot(answer.value.body);
    if (root === undefined) return fail({ code: "cli.bad-answer", message: "the node's answer names no manifest" });
    const link = await sealing.link(root, ciphertextAt(url).node);
    return ok({ name: link, facts: { link, size: sealing.size } });
  } catch (error) {
    return failureOf(error);
  } finally {
    progress.end();
  }
}

/** A name that would do harm at the other end is left out. */
function aboutFile(file: string): About {
  const name = basename(file);
  return file !== "-" && isName(name) ? { name } : {};
}

/** Padding hides from `putStream` that a file became shorter or longer while it was read. */
async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number | undefined,
  report: (doneBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for await (const chunk of chunks) {
    doneBytes += chunk.byteLength;
    report(doneBytes);
    yield chunk;
  }
  if (sizeBytes !== undefined && doneBytes !== sizeBytes) throw new Error("the file changed while it was read");
}
