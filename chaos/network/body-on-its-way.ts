/** The body of a request, as the node gets it over a network that holds it up or loses the connection. */
import { type ByteSource, FAILED } from "#runtime/byte-source.ts";
import type { Failure } from "#runtime/errors.ts";

/** How many bytes may pass now, after as long as it takes. 0: the connection is gone. `sent` passed before. */
export type MayPass = (sent: number) => Promise<number>;

const BROKEN_OFF: Failure = { code: "gateway.body-truncated" };

export function bodyOnItsWay(body: ByteSource, mayPass: MayPass): ByteSource {
  const cancelled = Promise.withResolvers<number>();
  let failure: Failure | undefined;
  let sent = 0;
  return {
    get failure() {
      return failure ?? body.failure;
    },
    read: async (into) => {
      // Who cancels does not wait for a network that is cut.
      const room = failure === undefined ? await Promise.race([mayPass(sent), cancelled.promise]) : 0;
      if (room === 0) {
        failure ??= BROKEN_OFF;
        return FAILED;
      }
      const count = await body.read(into.subarray(0, Math.min(into.length, room)));
      sent += Math.max(0, count);
      return count;
    },
    cancel: (reason) => {
      failure ??= reason;
      cancelled.resolve(0);
      body.cancel(reason);
    },
  };
}
