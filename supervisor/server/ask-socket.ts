/** One question to a server's socket, as a readiness probe asks it: does the answer begin as it has to? */
import type { Network } from "#runtime/network/network.ts";
import type { Within } from "#runtime/ref.ts";

/** Bytes of an answer that are looked at. */
export const PROBE_ANSWER_BYTES_MAX = 512;

/** False where nobody listens, the answer is another, or the connection closes before it is whole enough to tell. */
export async function askSocket(
  network: Network,
  path: string,
  question: Uint8Array,
  /** Undefined: more of the answer is needed. */
  isYes: (answer: string) => boolean | undefined,
  { signal }: Pick<Within, "signal">,
): Promise<boolean> {
  let answer = "";
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connected = await network.connect(
    { path },
    {
      onBytes: (bytes) => {
        answer += Buffer.from(bytes).toString("latin1");
        const yes = answer.length > PROBE_ANSWER_BYTES_MAX ? false : isYes(answer);
        if (yes !== undefined) resolve(yes);
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
  const yes = await promise;
  signal.removeEventListener("abort", onAbort);
  connection.destroy();
  return yes;
}
