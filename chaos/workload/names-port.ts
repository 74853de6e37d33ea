/** What the workload of names needs of a node: its HTTP edge, a clock and chance. Every executor can provide it. */
import type { ByteSource } from "#runtime/byte-source.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";

export interface PortRequest {
  readonly method?: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ByteSource;
  readonly contentLength?: number;
  /** The client goes away. */
  readonly signal?: AbortSignal;
}

export interface PortAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** False where the connection ended before the body did. */
  readonly complete: boolean;
}

export interface NamesPort {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether what is sent has reached the node a millisecond later, as in a simulation: then a history settles it (OVL-27). */
  readonly arrivesAtOnce: boolean;
  /** Undefined where no answer came. */
  request(request: PortRequest): Promise<PortAnswer | undefined>;
  /** Whether nothing was done to the node for long enough: then it serves. */
  isCalm(): boolean;
}
