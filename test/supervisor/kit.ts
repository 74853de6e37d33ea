/** Children that do what a test says, and a supervisor over them on a clock that stands still. */
import { Bus } from "#runtime/bus.ts";
import { type ExitReason, fail, ok, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { ManualClock } from "#runtime/simulated/clock.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { Metrics } from "#runtime/telemetry/metrics.ts";
import { minute, second } from "#runtime/units.ts";
import type { Child, StartFailed } from "#supervisor/child.ts";
import type { RestartType } from "#supervisor/child-spec.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import type { Strategy } from "#supervisor/strategy.ts";
import { Supervisor } from "#supervisor/supervisor.ts";
import type { SupervisorOptions } from "#supervisor/supervisor-options.ts";
import type { CellFacts } from "#supervisor/wire.ts";

export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

/** What the root tells a cell that begins. */
export function cellFacts(some: Partial<CellFacts> = {}): CellFacts {
  return {
    cell: "data",
    profile: "tree",
    dataDirectory: "/data",
    dataMark: undefined,
    runDirectory: "/run",
    http: { host: "127.0.0.1", port: 1 },
    insecurePublic: false,
    addresses: {},
    amnesia: false,
    servers: {},
    version: "0",
    buildId: "b",
    cpuThreads: 0,
    config: { version: 1, raw: {} },
    status: { cells: [], actors: [], servers: [], unavailable: [], shuttingDown: false },
    ...some,
  };
}

/** A child whose lives are watched by the test. `trace` is shared by all children of a supervisor. */
export class FakeChild implements Child {
  readonly name: string;
  readonly trace: string[];
  alive = 0;
  aliveMax = 0;
  started = 0;
  /** What the next starts do; up when empty. */
  readonly startPlan: ("up" | "fail" | "hang")[] = [];
  /** Lets the starts that hang succeed, the oldest first. */
  readonly hanging: (() => void)[] = [];
  /** What it was told between lives. */
  refusedCount = 0;
  /** A stop that never settles by itself; a `kill` before or after it frees it unless `immortal`. */
  stubborn = false;
  immortal = false;
  #onExit: (reason: ExitReason) => void = () => undefined;
  #onHealth: (state: "ready" | "degraded", reason: string | undefined) => void = () => undefined;
  #stopped: (() => void) | undefined;
  #isKilled = false;

  constructor(name: string, trace: string[]) {
    this.name = name;
    this.trace = trace;
  }

  start(): Promise<Result<void, StartFailed>> {
    this.started += 1;
    this.trace.push(`start ${this.name}`);
    this.#isKilled = false;
    const plan = this.startPlan.shift() ?? "up";
    const reason: ExitReason = { kind: "crashed", defect: "does not start" };
    if (plan === "fail") return Promise.resolve(fail({ code: "supervisor.start-failed", child: this.name, reason }));
    this.alive += 1;
    this.aliveMax = Math.max(this.aliveMax, this.alive);
    if (plan === "up") return Promise.resolve(ok());
    return new Promise((resolve) => this.hanging.push(() => resolve(ok())));
  }

  stop(_withinMs: number): Promise<void> {
    this.trace.push(`stop ${this.name}`);
    if (!this.stubborn || this.#isKilled) {
      this.alive = 0;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  kill(): void {
    this.trace.push(`kill ${this.name}`);
    if (this.immortal) return;
    this.#isKilled = true;
    const wasAlive = this.alive > 0;
    this.alive = 0;
    if (this.#stopped === undefined && wasAlive) this.#onExit({ kind: "killed", afterMs: 0 });
    this.#stopped?.();
    this.#stopped = undefined;
  }

  refuse(): void {
    this.refusedCount += 1;
  }

  onExit(run: (reason: ExitReason) => void): void {
    this.#onExit = run;
  }

  onHealth(run: (state: "ready" | "degraded", reason: string | undefined) => void): void {
    this.#onHealth = run;
  }

  /** The life ends by itself; nothing happens when there is none. */
  exit(reason: ExitReason = { kind: "crashed", defect: "broken" }): void {
    if (this.alive === 0) return;
    this.alive = 0;
    this.trace.push(`exit ${this.name}`);
    this.#onExit(reason);
  }

  say(state: "ready" | "degraded", reason?: string): void {
    this.#onHealth(state, reason);
  }
}

export interface Setting<S extends Strategy = Strategy> {
  readonly strategy?: S;
  readonly restart?: RestartType;
  readonly rungs?: readonly (readonly string[])[];
  readonly childRestartsMax?: number;
  readonly intensityMax?: number;
  readonly seed?: number;
  /** Instead of one of the seed. */
  readonly random?: Random;
}

export interface Stage<S extends Strategy = Strategy> {
  readonly supervisor: Supervisor<S>;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly trace: string[];
  readonly stuck: string[];
  readonly escalations: { count: number };
  /** Every announced restart, with its moment. */
  readonly restarts: { readonly child: string; readonly atMs: number }[];
  child(name: string): FakeChild;
  /** Events published since the last call. */
  events(): readonly SupervisorEvent[];
  states(): Readonly<Record<string, string>>;
}

export function stage<S extends Strategy = "one-for-one">(setting: Setting<S> = {}): Stage<S> {
  const strategy = setting.strategy ?? ("one-for-one" as S);
  const { restart = "permanent", rungs = [["a"], ["b"], ["c"]], seed = 1 } = setting;
  const clock = new ManualClock();
  const metrics = new Metrics();
  const trace: string[] = [];
  const stuck: string[] = [];
  const escalations = { count: 0 };
  const bus = new Bus<SupervisorEvent>({ clock, metrics });
  const restarts: { readonly child: string; readonly atMs: number }[] = [];
  const subscription = bus.subscribe();
  const children = new Map(rungs.flat().map((name) => [name, new FakeChild(name, trace)]));
  const child = (name: string): FakeChild => {
    const found = children.get(name);
    if (found === undefined) throw new TypeError(`no child ${name}`);
    return found;
  };
  const budget = { restartsMax: setting.childRestartsMax ?? 5, periodMs: 1 * minute };
  const options: SupervisorOptions<S> = {
    name: "test",
    strategy,
    intensity: { restartsMax: setting.intensityMax ?? 20, periodMs: 1 * minute },
    rungs: rungs.map((rung) =>
      rung.map((name) => ({ spec: { name, restart, budget, shutdownMs: 5 * second }, child: child(name) })),
    ),
    clock,
    random: setting.random ?? seededRandom(seed),
    log: silent,
    metrics,
    bus: {
      publish: (event) => {
        if (event.type === "childRestarted") restarts.push({ child: event.child, atMs: clock.nowMs() });
        bus.publish(event);
      },
    },
    onEscalate: () => {
      escalations.count += 1;
    },
    onStuck: (name) => stuck.push(name),
  };
  const supervisor = new Supervisor(options);
  return {
    supervisor,
    clock,
    metrics,
    trace,
    stuck,
    escalations,
    restarts,
    child,
    events: () => {
      const seen: SupervisorEvent[] = [];
      for (let next = subscription.take(); next !== undefined; next = subscription.take()) seen.push(next.event);
      return seen;
    },
    states: () => Object.fromEntries(supervisor.status().map(({ name, state }) => [name, state])),
  };
}
