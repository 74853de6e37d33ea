/**
 * Two cells that can reach each other, in memory: manual time, a seeded order of turns, and a network that can be cut.
 *
 * `gate` calls, `data` serves, and so does `ops`, where a test wants one more. Local actors are a few lines each: what
 * a link knows of an actor is its erased ref.
 */
import type { ByteSource } from "#runtime/byte-source.ts";
import { ENDED, FAILED } from "#runtime/byte-source.ts";
import { assert, type Failure, ok, type Result } from "#runtime/errors.ts";
import type { ErasedRef } from "#runtime/link/erased-ref.ts";
import type { LinkLimits } from "#runtime/link/limits.ts";
import { Switchboard } from "#runtime/link/switchboard.ts";
import type { Call, Cast } from "#runtime/protocol.ts";
import type { CallOptions, CastOutcome, Down, Ref } from "#runtime/ref.ts";
import type { Scheduler } from "#runtime/scheduler.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { SimulatedNetwork } from "#runtime/simulated/network.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { seededScheduler } from "#runtime/simulated/scheduler.ts";
import type { Log, LogFields } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { EventLoop } from "#test/runtime/link/event-loop.ts";

export const dataPath = "/run/data.sock";
const opsPath = "/run/ops.sock";

/** What the fake actor hears; `request` and reply are whatever a test needs. */
export interface FakeProtocol {
  ask: Call<unknown, unknown, Failure>;
  store: Call<{ readonly source: ByteSource; readonly note?: string }, unknown, Failure>;
  tell: Cast<unknown>;
}

export type Handler = (request: unknown, options: CallOptions) => Promise<Result<unknown, Failure>>;

/** An actor that answers as it is told to, and remembers what it heard. */
export class FakeActor implements ErasedRef {
  readonly name: string;
  readonly heard: { readonly name: string; readonly request: unknown; readonly options: CallOptions }[] = [];
  readonly told: unknown[] = [];
  readonly monitors: Set<(down: Down) => void> = new Set();
  castOutcome: CastOutcome = "accepted";
  handle: Handler = async (request) => ok(request);

  constructor(name: string) {
    this.name = name;
  }

  call(name: string, request: unknown, options: CallOptions): Promise<Result<unknown, Failure>> {
    this.heard.push({ name, request, options });
    return this.handle(request, options);
  }

  cast(_name: string, request: unknown): CastOutcome {
    this.told.push(request);
    return this.castOutcome;
  }

  monitor(onDown: (down: Down) => void): () => void {
    this.monitors.add(onDown);
    return () => this.monitors.delete(onDown);
  }

  goDown(reason: Down["reason"], incarnation: number): void {
    const monitors = [...this.monitors];
    this.monitors.clear();
    for (const onDown of monitors) onDown({ actor: this.name, incarnation, reason });
  }
}

export interface Line {
  readonly event: string;
  readonly fields: LogFields | undefined;
}

export class RecordingLog implements Log {
  readonly lines: Line[] = [];

  debug(): void {
    // Not worth keeping.
  }

  info(event: string, fields?: LogFields): void {
    this.lines.push({ event, fields });
  }

  warn(event: string, fields?: LogFields): void {
    this.lines.push({ event, fields });
  }

  error(event: string, fields?: LogFields): void {
    this.lines.push({ event, fields });
  }

  with(): Log {
    return this;
  }
}

export interface WorldOptions {
  readonly seed?: number;
  readonly gateLimits?: Partial<LinkLimits>;
  readonly dataLimits?: Partial<LinkLimits>;
  readonly gateBuild?: string;
  readonly pieceBytes?: () => number;
  /** Before anybody listens. */
  readonly listens?: boolean;
  /** Where defects go that nobody owns. Without it they are uncaught. */
  readonly surfaced?: unknown[];
}

export interface World {
  readonly clock: ManualClock;
  readonly network: SimulatedNetwork;
  readonly gate: Switchboard;
  readonly data: Switchboard;
  readonly store: FakeActor;
  readonly ref: Ref<FakeProtocol>;
  /** Another actor of `data`, which answers with what it was asked. */
  readonly neighbour: Ref<FakeProtocol>;
  /** One of `ops` that does the same. */
  readonly elsewhere: Ref<FakeProtocol>;
  readonly gateLog: RecordingLog;
  readonly dataLog: RecordingLog;
  readonly gateLoop: EventLoop;
  readonly dataLoop: EventLoop;
  /** Why links ended so far on both sides, with counts. */
  ends(): Readonly<Record<string, number>>;
  counter(cell: "gate" | "data", name: string): number;
  startData(): Promise<void>;
}

function catching(scheduler: Scheduler, surfaced: unknown[] | undefined): Scheduler {
  if (surfaced === undefined) return scheduler;
  return {
    macrotask: (run) => scheduler.macrotask(run),
    microtask: (run) =>
      scheduler.microtask(() => {
        try {
          run();
        } catch (defect) {
          surfaced.push(defect);
        }
      }),
  };
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const random = seededRandom(options.seed ?? 1);
  const clock = new ManualClock();
  const scheduler = catching(seededScheduler(random), options.surfaced);
  const { pieceBytes } = options;
  const network = new SimulatedNetwork({ scheduler, clock, ...(pieceBytes === undefined ? {} : { pieceBytes }) });
  const store = new FakeActor("store");
  const neighbour = new FakeActor("neighbour");
  const gateLog = new RecordingLog();
  const dataLog = new RecordingLog();
  const metrics = { gate: new Metrics(), data: new Metrics() };
  const totals = new Map<string, number>();
  const loops = { gate: new EventLoop(clock, network), data: new EventLoop(clock, network) };
  const seams = { scheduler, random };

  const data = new Switchboard({
    ...seams,
    clock: loops.data.clock,
    network: loops.data.network,
    cell: "data",
    buildId: "build-1",
    metrics: metrics.data,
    log: dataLog,
    local: (name) => (name === "store" ? store : name === "neighbour" ? neighbour : undefined),
    socketOf: () => undefined,
    limits: options.dataLimits ?? {},
  });
  const gate = new Switchboard({
    ...seams,
    clock: loops.gate.clock,
    network: loops.gate.network,
    cell: "gate",
    buildId: options.gateBuild ?? "build-1",
    metrics: metrics.gate,
    log: gateLog,
    local: () => undefined,
    socketOf: (cell) => ({ path: cell === "data" ? dataPath : opsPath }),
    limits: options.gateLimits ?? {},
  });
  const ops = new Switchboard({
    ...seams,
    clock,
    network,
    cell: "ops",
    buildId: "build-1",
    metrics: new Metrics(),
    log: dataLog,
    local: () => neighbour,
    socketOf: () => undefined,
  });
  const startData = async (): Promise<void> => {
    const listening = await data.listen({ path: dataPath });
    assert(listening.ok, "the simulated network listens");
  };
  if (options.listens !== false) await startData();
  assert((await ops.listen({ path: opsPath })).ok, "the simulated network listens");

  const collect = (): void => {
    for (const [cell, registry] of Object.entries(metrics)) {
      for (const { kind, name, labels, value } of registry.takeDeltas()) {
        if (kind !== "counter") continue;
        for (const key of [`${cell} ${name}`, ...Object.values(labels).map((label) => `${name} ${label}`)]) {
          totals.set(key, (totals.get(key) ?? 0) + value);
        }
      }
    }
  };
  return {
    clock,
    network,
    gate,
    data,
    store,
    ref: gate.ref<FakeProtocol>("store", "data"),
    neighbour: gate.ref<FakeProtocol>("neighbour", "data"),
    get elsewhere() {
      return gate.ref<FakeProtocol>("neighbour", "ops");
    },
    gateLog,
    dataLog,
    gateLoop: loops.gate,
    dataLoop: loops.data,
    ends: () => {
      collect();
      const prefix = "link_ends_total ";
      const ends = [...totals].filter(([key]) => key.startsWith(prefix));
      return Object.fromEntries(ends.map(([key, value]) => [key.slice(prefix.length), value]));
    },
    counter: (cell, name) => {
      collect();
      return totals.get(`${cell} ${name}`) ?? 0;
    },
    startData,
  };
}

/** A promise and who settles it. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  return Promise.withResolvers<T>();
}

/** Bytes that are a function of their position, so that any mix-up shows. */
export function patternAt(position: number): number {
  return (position * 31 + (position >>> 8)) & 0xff;
}

/** A source of `sizeBytes` pattern bytes that keeps count of what was asked of it. */
export class PatternSource implements ByteSource {
  readBytes = 0;
  readonly cancels: Failure[] = [];
  failure: Failure | undefined;
  readonly #sizeBytes: number;
  readonly #readBytesMax: number;
  readonly #failsAt: number;
  readonly #onRead: (readBytes: number) => void;

  constructor(
    sizeBytes: number,
    options: { readBytesMax?: number; failsAt?: number; onRead?: (readBytes: number) => void } = {},
  ) {
    this.#sizeBytes = sizeBytes;
    this.#readBytesMax = options.readBytesMax ?? Number.POSITIVE_INFINITY;
    this.#failsAt = options.failsAt ?? Number.POSITIVE_INFINITY;
    this.#onRead = options.onRead ?? (() => undefined);
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.failure !== undefined) return FAILED;
    if (this.readBytes >= this.#failsAt) {
      this.failure = { code: "test.source-broke" };
      return FAILED;
    }
    const left = Math.min(this.#sizeBytes, this.#failsAt) - this.readBytes;
    const count = Math.min(into.byteLength, this.#readBytesMax, left);
    if (count === 0) return ENDED;
    for (let at = 0; at < count; at += 1) into[at] = patternAt(this.readBytes + at);
    this.readBytes += count;
    this.#onRead(this.readBytes);
    return count;
  }

  cancel(reason: Failure): void {
    this.cancels.push(reason);
    this.failure ??= reason;
  }
}

/** Reads to the end; answers with how many bytes came, checked against the pattern, and how it ended. */
export async function drain(
  source: ByteSource,
  intoBytes: number,
): Promise<{ readonly bytes: number; readonly outcome: number; readonly failure: Failure | undefined }> {
  const into = new Uint8Array(intoBytes);
  let bytes = 0;
  for (;;) {
    const count = await source.read(into);
    if (count <= 0) return { bytes, outcome: count, failure: source.failure };
    for (let at = 0; at < count; at += 1) {
      assert(into[at] === patternAt(bytes + at), `byte ${bytes + at} is the one that was sent`);
    }
    bytes += count;
  }
}
