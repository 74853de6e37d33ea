/** Speaks to a simulated node as `cepa kill` and `cepa down` do: by its admin socket. */
import type { ConnectionEvents } from "#runtime/network/network.ts";
import type { Life } from "#runtime/simulated/life.ts";

export type AdminAnswer = Readonly<Record<string, unknown>> & { readonly ok: boolean };

export interface AdminQuestion {
  readonly command: "status" | "down" | "kill" | "resume";
  /** `actor/<name>` or `cell/<name>`, for `kill` and `resume`. */
  readonly target?: string;
  /** For `kill`: a failpoint, where the actor is to end when it comes there, and how often. */
  readonly at?: string;
  readonly times?: number;
}

/** Undefined when the connection ended without an answer, or nobody listens. */
export async function askAdmin(
  { base }: Life,
  path: string,
  question: AdminQuestion,
): Promise<AdminAnswer | undefined> {
  const answered = Promise.withResolvers<AdminAnswer | undefined>();
  let said = "";
  const events: ConnectionEvents = {
    onBytes: (bytes) => {
      said += Buffer.from(bytes).toString("utf8");
      if (said.endsWith("\n")) answered.resolve(JSON.parse(said) as AdminAnswer);
    },
    onDrain: () => undefined,
    onClose: () => answered.resolve(undefined),
  };
  const connected = await base.network.connect({ path }, events);
  if (!connected.ok) return undefined;
  connected.value.write([Buffer.from(`${JSON.stringify({ id: 1, ...question })}\n`)]);
  const answer = await answered.promise;
  connected.value.destroy();
  return answer;
}
