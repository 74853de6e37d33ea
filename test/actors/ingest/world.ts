/**
 * Ingest on a machine of its own, with manual time: a Redis, a table and a disk in memory, which outlive it, and an auth that the
 * test plays. Everything that it works with can be taken away.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Admission, AuthProtocol, SubjectVerdict } from "#actors/auth/protocol.ts";
import type { RequestFields } from "#actors/domain/streams/entry-fields.ts";
import type { Uuid } from "#actors/domain/uuid.ts";
import { type IngestDeps, ingestBehavior } from "#actors/ingest/actor.ts";
import { type IngestConfig, ingestConfigSchema } from "#actors/ingest/config.ts";
import type { IngestProtocol } from "#actors/ingest/protocol.ts";
import type { EventRows, RowsFailure } from "#actors/ingest/rows/event-rows.ts";
import { MemoryRows } from "#actors/ingest/rows/memory-rows.ts";
import { readSection } from "#runtime/config/section.ts";
import { type Failure, fail, must, ok, type Result } from "#runtime/errors.ts";
import type { Redis, RedisReply } from "#runtime/redis/redis.ts";
import type { CallOptions, Within } from "#runtime/ref.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { probe } from "#runtime/simulated/probe.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import { second } from "#runtime/units.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";

const DIRECTORY = "/data/ingest";
const SPILL = `${DIRECTORY}/spill`;

export const asked: CallOptions = { timeoutMs: 60 * second };

/** What becomes of what the table is asked. */
export type RowsFate = "answered" | "done-unheard" | "lost" | "refused";

export interface WorldOptions {
  readonly config?: Partial<IngestConfig>;
  readonly seed?: number;
}

export class World {
  readonly machine: ReturnType<typeof testMachine>;
  readonly server: SimulatedRedis;
  readonly table: MemoryRows;
  readonly disk: MemoryDisk;
  /** Past ingest. */
  readonly redis: Redis;
  /** By the text of a token; any other is unauthenticated. */
  readonly admissions: Map<string, Admission> = new Map();
  /** What auth says of a request about a subject. */
  verdictOf: (fields: RequestFields) => SubjectVerdict = () => assert.fail("the test says what auth says");
  isAuthAway = false;
  /** Auth knows all others. */
  readonly unknownProducers: Set<string> = new Set();
  /** Asked for every question to the table. */
  fateOfRows: (question: keyof EventRows) => RowsFate = () => "answered";
  readonly #options: WorldOptions;
  #started: Started<IngestProtocol> | undefined;

  constructor(options: WorldOptions) {
    const { seed = 1 } = options;
    this.#options = options;
    this.machine = testMachine(undefined, seed);
    const { clock } = this.machine;
    this.server = new SimulatedRedis({ clock, random: seededRandom(seed), isEveryWriteSynced: true });
    this.table = new MemoryRows(seededRandom(seed));
    this.disk = new MemoryDisk({ clock });
    this.redis = this.server.connect({ clock, silenceMs: 60 * second });
  }

  get started(): Started<IngestProtocol> {
    assert(this.#started !== undefined, "it was begun");
    return this.#started;
  }

  get ref(): Started<IngestProtocol>["ref"] {
    return this.started.ref;
  }

  async begin(): Promise<void> {
    const { clock, metrics } = this.machine;
    const defaults = must(readSection(ingestConfigSchema, "ingest", undefined, {}), "the defaults");
    const deps: IngestDeps = {
      config: {
        current: { ...defaults, claimIdleMs: 5 * second, claimIntervalMs: 1 * second, ...this.#options.config },
      },
      auth: this.#auth(),
      openRedis: async ({ silenceMs }) => this.server.connect({ clock, silenceMs }),
      openRows: async () => this.#rows(),
      disk: this.disk,
      metrics,
      directory: DIRECTORY,
    };
    must(await this.disk.makeDirectory("/data"), "the data directory");
    this.#started = await startActor(ingestBehavior, deps, { machine: this.machine, laterMax: 32 });
    await clock.advance(1);
  }

  /** Lets time pass, a little at a time, until it settles. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (let turn = 0; !isSettled; turn += 1) {
      assert(turn < 100_000, "what is waited for comes at all");
      await setImmediate();
      await this.machine.clock.advance(10);
    }
    return await promise;
  }

  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 100) {
      await this.machine.clock.advance(Math.min(100, leftMs));
      await setImmediate();
    }
  }

  async ask(...command: readonly [string, ...(string | number | Uint8Array)[]]): Promise<RedisReply> {
    must(await this.until(this.redis.ready(patient)), "a connection");
    return must(await this.until(this.redis.call(command, patient)), command.join(" "));
  }

  async send(stream: string, fields: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    const id = await this.ask("XADD", stream, "*", ...Object.entries(fields).flat());
    assert(id instanceof Uint8Array);
    return Buffer.from(id).toString();
  }

  /** Ends its life; while it is dead, `harm` is done; then another begins. */
  async dieWhile(harm: () => Promise<void>): Promise<void> {
    await this.until(this.started.actor.stop());
    await harm();
    await this.started.restart();
  }

  /** Files of the spill that hold rows, and what they hold, the oldest first. */
  async spillFiles(): Promise<readonly { readonly path: string; readonly contents: Buffer }[]> {
    const listed = await this.disk.list(SPILL);
    const names = listed.ok ? listed.value.map(({ name }) => name).filter((name) => name.endsWith(".spill")) : [];
    const files = names.sort().map(async (name) => {
      const path = `${SPILL}/${name}`;
      return { path, contents: Buffer.from(must(await this.disk.readFile(path), path)) };
    });
    return await Promise.all(files);
  }

  /** Until nothing is unread, pending or on disk. */
  async settled(stream = "events"): Promise<void> {
    for (let turn = 0; ; turn += 1) {
      assert(turn < 600, "it comes to an end");
      if (await this.#isSettled(stream)) return;
      await this.pass(100);
    }
  }

  /** Fields of all entries of a stream. */
  async entries(stream: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const entries = await this.ask("XRANGE", stream, "-", "+");
    assert(Array.isArray(entries));
    return entries.map((entry) => {
      assert(Array.isArray(entry) && Array.isArray(entry[1]));
      const words = entry[1].map(text);
      const fields: Record<string, string> = {};
      for (let at = 0; at < words.length; at += 2) fields[words[at] ?? ""] = words[at + 1] ?? "";
      return fields;
    });
  }

  /** A subject that the producer may write about. */
  async subject(producerId: Uuid, subjectKey = "binance/BTCUSDT"): Promise<Uuid> {
    const made = await this.table.registerSubject({
      producerId,
      subjectKey,
      schemaName: "trade",
      schemaBody: { price: "number" },
      attrs: {},
      atMs: 1,
    });
    assert(made.ok && made.value.kind === "done");
    return made.value.subjectId;
  }

  #auth(): IngestDeps["auth"] {
    const away = fail({ code: "auth.unavailable", server: "postgres", cause: "it is away" } as const);
    const undecided: Admission = { kind: "undecided", cause: "it is away" };
    const refused: Admission = { kind: "refused", reason: "unauthenticated", problem: "bad_token_format" };
    return probe<AuthProtocol>("auth", {
      admit: ({ tokens }) =>
        ok(tokens.map((token) => (this.isAuthAway ? undecided : (this.admissions.get(token) ?? refused)))),
      hasProducer: ({ producerId }) => (this.isAuthAway ? away : ok(!this.unknownProducers.has(producerId))),
      judgeSubject: ({ fields }) => (this.isAuthAway ? away : ok(this.verdictOf(fields))),
    }).ref;
  }

  /** The table as it is reached over a network: it may answer, or not, done or not. */
  #rows(): EventRows {
    const { table } = this;
    const over = async <Value, F extends Failure = never>(
      question: keyof EventRows,
      work: () => Promise<Result<Value, RowsFailure | F>>,
    ): Promise<Result<Value, RowsFailure | F>> => {
      const fate = this.fateOfRows(question);
      if (fate === "lost") return fail({ code: "sql.unreachable", executed: "no", cause: "it is away" });
      if (fate === "refused") return fail({ code: "sql.refused", state: "22P05", message: "not that" });
      const done = await work();
      return fate === "answered"
        ? done
        : fail({ code: "sql.unreachable", executed: "maybe", cause: "the connection broke" });
    };
    return {
      open: () => over("open", () => table.open()),
      bindings: (pairs) => over("bindings", () => table.bindings(pairs)),
      legacy: (uses) => over("legacy", () => table.legacy(uses)),
      write: (rows) => over("write", () => table.write(rows)),
      registerSubject: (registration) => over("registerSubject", () => table.registerSubject(registration)),
      upgradeSubject: (upgrade) => over("upgradeSubject", () => table.upgradeSubject(upgrade)),
      bindingRequests: (after, limit) => over("bindingRequests", () => table.bindingRequests(after, limit)),
      reviewBinding: (review) => over("reviewBinding", () => table.reviewBinding(review)),
      event: (eventId) => over("event", () => table.event(eventId)),
      close: async () => undefined,
    };
  }

  async #isSettled(stream: string): Promise<boolean> {
    const groups = await this.redis.call(["XINFO", "GROUPS", stream], patient as Within);
    if (!groups.ok || !Array.isArray(groups.value)) return false;
    const facts = groups.value[0];
    if (!Array.isArray(facts)) return false;
    const numberOf = (name: string): unknown => facts[facts.findIndex((one) => text(one) === name) + 1];
    const described = must(await this.until(this.ref.call("describe", {}, asked)), "it answers");
    return numberOf("pending") === 0 && numberOf("lag") === 0 && described.spill.rowCount === 0;
  }
}

export async function ingestWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.begin();
  return world;
}

function text(reply: RedisReply): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply);
}
