/** A node's ciphertext through `node:http`, and the primitives that this machine has for it. */
import { digestOf } from "#cli/digest.ts";
import { type CliFailure, type NodeRefusal, type Outcome, reasonOf } from "#cli/failure.ts";
import { ANSWER_TIMEOUT_MS, getStream } from "#cli/http.ts";
import type { Ciphertext } from "#client/private-object.ts";
import type { Primitives } from "#client/sealing.ts";
import { CepaError } from "#client/wire.ts";
import { fail } from "#runtime/errors.ts";

/** Native ones: 1 to 2 GB/s, where the client's own BLAKE3 does 0.1. */
export const primitives: Primitives = { subtle: crypto.subtle, blake3: digestOf };

/** The client throws; what went wrong on the way is thrown here in its form. */
export function ciphertextAt(url: string): Ciphertext {
  return {
    node: (digest) => bodyOf(`${url}/m/${digest}`, undefined),
    data: (root, first, last) => bodyOf(`${url}/m/${root}/data`, `bytes=${first}-${last}`),
  };
}

/** What the client threw, as a failure. Anything else is a defect. */
export function failureOf(error: unknown): Outcome<never> {
  if (!(error instanceof CepaError)) throw error;
  return fail({ code: error.code, message: error.message });
}

async function* bodyOf(url: string, range: string | undefined): AsyncGenerator<Uint8Array> {
  const response = await getStream(url, ANSWER_TIMEOUT_MS, range === undefined ? {} : { range });
  if (!response.ok) throw errorOf(response.failure);
  try {
    yield* response.value;
  } catch (error) {
    throw errorOf({ code: "cli.cut-short", message: `the connection broke: ${reasonOf(error)}` });
  } finally {
    response.value.destroy();
  }
}

/** A failure in the form in which the client throws. */
export function errorOf({ code, message }: CliFailure | NodeRefusal): CepaError {
  return new CepaError({ code, message, retryable: false, corrId: "", status: 0 });
}
