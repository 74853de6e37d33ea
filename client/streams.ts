/**
 * The two forms of a stream: what `fetch` takes and gives, and what a loop reads. Not every browser can loop over the
 * first.
 */

/** Read to its end or left early, the stream is over afterwards. An abort ends it also while it waits for a piece. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      // What was cut off is no end.
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await reader.cancel();
  }
}

/** Asks for a piece when one is wanted. Cancelling it calls `end`, which is to end a wait for the next piece. */
export function streamFrom(pieces: AsyncGenerator<Uint8Array>, end: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      end();
      await pieces.return(undefined);
    },
  });
}

/** The same stream, whose errors are thrown as `told` says. */
export function retold(
  stream: ReadableStream<Uint8Array>,
  told: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw told(error);
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
