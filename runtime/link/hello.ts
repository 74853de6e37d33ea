/** The first frame of either side: who speaks, which build it is, and what it allows the other. */
import type { Failure } from "#runtime/errors.ts";
import { decodeFrame, encode } from "#runtime/link/body.ts";
import type { Frame } from "#runtime/link/frame.ts";
import type { LinkLimits } from "#runtime/link/limits.ts";

export interface Hello {
  readonly cell: string;
  readonly buildId: string;
  /** The cell that the connecting side looks for; empty from the accepting side. */
  readonly to: string;
  readonly limits: Pick<LinkLimits, "messageCredit" | "streamsMax" | "streamWindowBytes">;
}

/** The other cell runs another build, which may understand the same bytes differently. Final until one restarts. */
export interface BuildChanged extends Failure<"supervisor.build-changed"> {
  readonly cell: string;
  readonly expected: string;
  readonly actual: string;
}

const magic = "cepa-link";

export function packHello({ cell, buildId, to, limits }: Hello): Uint8Array | undefined {
  return encode([magic, cell, buildId, to, limits.messageCredit, limits.streamsMax, limits.streamWindowBytes]);
}

/** What could be read of a hello. `limits` is undefined where the rest is not understood: another build may say more. */
export type ReceivedHello = Omit<Hello, "limits"> & { readonly limits: Hello["limits"] | undefined };

/** Undefined for anything that is no hello of any build. */
export function readHello(frame: Frame): ReceivedHello | undefined {
  const value = decodeFrame(frame);
  if (!Array.isArray(value) || value[0] !== magic) return undefined;
  const [, cell, buildId, to, messageCredit, streamsMax, streamWindowBytes] = value as readonly unknown[];
  if (typeof cell !== "string" || typeof buildId !== "string" || typeof to !== "string") return undefined;
  const isComplete = isCount(messageCredit) && isCount(streamsMax) && isCount(streamWindowBytes);
  return { cell, buildId, to, limits: isComplete ? { messageCredit, streamsMax, streamWindowBytes } : undefined };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}
