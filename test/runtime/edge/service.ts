/** Small services to attach to an edge. */
import { type ByteSource, ENDED, FAILED } from "#runtime/byte-source.ts";
import type { EdgeLimits, EdgeOutcome, EdgeRequest, EdgeResponse, EdgeService } from "#runtime/edge/edge.ts";
import type { Failure } from "#runtime/errors.ts";

export const testLimits: EdgeLimits = {
  headersBytesMax: 64 * 1024,
  headersTimeoutMs: 10_000,
  keepAliveMs: 15_000,
  connectionsMax: 100,
  pipelinedMax: 4,
  readIdleMs: 15_000,
  writeIdleMs: 10_000,
  paceBytesPerSecondMin: 16 * 1024,
  paceWindowMs: 30_000,
  uploadBytesPerSecondMin: 1024,
  drainBytesMax: 256 * 1024,
  drainMs: 1000,
};

export function serviceOf(
  handle: (request: EdgeRequest) => Promise<EdgeResponse>,
  onDefect: (defect: unknown) => void = () => undefined,
): EdgeService {
  return { handle, onDefect };
}

export function textResponse(text: string, status = 200): EdgeResponse {
  return { status, headers: {}, body: Buffer.from(text) };
}

/** Reads a body to its end; the failure's code where it has none. */
export async function readAll(source: ByteSource | undefined): Promise<string> {
  if (source === undefined) return "";
  const into = new Uint8Array(1024);
  const pieces: Uint8Array[] = [];
  let count = await source.read(into);
  for (; count > 0; count = await source.read(into)) pieces.push(into.slice(0, count));
  return count === ENDED ? Buffer.concat(pieces).toString() : `failed: ${source.failure?.code}`;
}

/** A body of `lengthBytes` made of `fill`; fails after `failAfterBytes`. `outcomes` gets what became of it. */
export function streamResponse(
  lengthBytes: number,
  outcomes: EdgeOutcome[] = [],
  failAfterBytes: number = Number.POSITIVE_INFINITY,
): EdgeResponse {
  const source = new PatternSource(lengthBytes, failAfterBytes);
  const buffer = new Uint8Array(256 * 1024);
  const primedBytes = source.fill(buffer);
  return {
    status: 200,
    headers: {},
    body: { source, lengthBytes, buffer, primedBytes },
    settled: (outcome) => outcomes.push(outcome),
  };
}

/** Byte `n` is `n % 251`. */
export class PatternSource implements ByteSource {
  failure: Failure | undefined;
  readonly #lengthBytes: number;
  readonly #failAfterBytes: number;
  #at = 0;

  constructor(lengthBytes: number, failAfterBytes: number) {
    this.#lengthBytes = lengthBytes;
    this.#failAfterBytes = failAfterBytes;
  }

  read(into: Uint8Array): Promise<number> {
    if (this.failure !== undefined) return Promise.resolve(FAILED);
    if (this.#at >= this.#failAfterBytes) {
      this.failure = { code: "storage.corrupt" };
      return Promise.resolve(FAILED);
    }
    return Promise.resolve(this.fill(into));
  }

  fill(into: Uint8Array): number {
    const count = Math.min(into.length, this.#lengthBytes - this.#at, this.#failAfterBytes - this.#at);
    for (let index = 0; index < count; index += 1) into[index] = (this.#at + index) % 251;
    this.#at += count;
    return count;
  }

  cancel(reason: Failure): void {
    this.failure ??= reason;
  }
}

export function isPattern(bytes: Uint8Array): boolean {
  return bytes.every((byte, index) => byte === index % 251);
}
