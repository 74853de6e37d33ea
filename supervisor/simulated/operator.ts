/** Speaks to a simulated node as `cepa kill` and `cepa down` do: by its admin socket. */
import { must, type Result } from "#runtime/errors.ts";
import type { Life } from "#runtime/simulated/life.ts";

export type AdminAnswer = Readonly<Record<string, unknown>> & { readonly ok: boolean };

export interface AdminQuestion {
  readonly command: "status" | "down" | "kill" | "resume";
  /** `actor/<name>` or `cell/<name>`, for `kill` and `resume`. */
  readonly target?: string;
}

/** Undefined when the connection ended without an answer, or nobody listens. */
export async function askAdmin(
  { base }: Life,
  path: string,
  question: AdminQuestion,
): Promise<AdminAnswer | undefined> {
  const answered = Promise.withResolvers<AdminAnswer | undefined>();
  let said = "";
  const connected: Result<{ write(parts: readonly Uint8Array[]): boolean; destroy(): void }> =
    await base.network.connect(
      { path },
      {
        onBytes: (bytes) => {
          said += Buffer.from(bytes).toString("utf8");
          if (said.endsWith("\n")) answered.resolve(JSON.parse(said) as AdminAnswer);
        },
        onDrain: () => undefined,
        onClose: () => answered.resolve(undefined),
      },
    );
  if (!connected.ok) return undefined;
  const connection = must(connected, "the operator's connection");
  connection.write([Buffer.from(`${JSON.stringify({ id: 1, ...question })}\n`)]);
  const answer = await answered.promise;
  connection.destroy();
  return answer;
}
