/** One question to a server's socket, as a readiness probe asks it, and what the beginning of its answer says. */
import type { Network } from "#runtime/network/network.ts";
import type { Within } from "#runtime/ref.ts";
import type { ProbeAnswer } from "#supervisor/server/readiness.ts";

/** Bytes of an answer that are looked at. */
export const PROBE_ANSWER_BYTES_MAX = 512;

/** False where nobody listens, the answer is another, or the connection closes before it is whole enough to tell. */
export async function askSocket(
  network: Network,
  path: string,
  question: Uint8Array,
  /** Undefined: more of the answer is needed. */
  answerOf: (text: string) => ProbeAnswer | undefined,
  { signal }: Pick<Within, "signal">,
): Promise<ProbeAnswer> {
  let text = "";
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
  const connected = await network.connect(
    { path },
    {
      onBytes: (bytes) => {
        text += Buffer.from(bytes).toString("latin1");
        const answer = text.length > PROBE_ANSWER_BYTES_MAX ? false : answerOf(text);
        if (answer !== undefined) resolve(answer);
      },
      onDrain: () => undefined,
      onClose: () => resolve(false),
    },
  );
  if (!connected.ok) return false;
  const connection = connected.value;
  const onAbort = (): void => resolve(false);
  signal.addEventListener("abort", onAbort);
  connection.write([question]);
  const answer = await promise;
  signal.removeEventListener("abort", onAbort);
  connection.destroy();
  return answer;
}
