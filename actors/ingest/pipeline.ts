/**
 * Everything that goes on between the stream and the table, for one life: readers, the way of what was spilled, and what is
 * wrong with any of it.
 *
 * What a life needs before it can read anything (its name, its spill, its tables) may be away when it begins, and is waited for.
 */
import { join } from "node:path";
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { eventWindow } from "#actors/domain/events/event-window.ts";
import { Answers } from "#actors/domain/streams/answers.ts";
import { nodeNameIn } from "#actors/domain/streams/node-name.ts";
import { StreamLoop } from "#actors/domain/streams/stream-loop.ts";
import { parseUuid, type Uuid } from "#actors/domain/uuid.ts";
import { admitBy } from "#actors/ingest/admit.ts";
import type { BindingReviewSeams } from "#actors/ingest/binding-reviews.ts";
import { Bindings } from "#actors/ingest/bindings.ts";
import type { IngestConfig } from "#actors/ingest/config.ts";
import { DeadLetters } from "#actors/ingest/dead-letters.ts";
import type { Asked, Moment } from "#actors/ingest/judge.ts";
import type { Meters } from "#actors/ingest/meters.ts";
import type { IngestFacts } from "#actors/ingest/protocol.ts";
import { Reader } from "#actors/ingest/reader.ts";
import type { EventRows } from "#actors/ingest/rows/event-rows.ts";
import { Spill, type SpillDamage } from "#actors/ingest/spill/spill.ts";
import { SpillRecord } from "#actors/ingest/spill/spill-record.ts";
import { SUBJECT_STREAM, subjectJudge } from "#actors/ingest/subjects.ts";
import { Writer } from "#actors/ingest/writer.ts";
import type { ConfigView } from "#runtime/actor-module.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Disk } from "#runtime/disk/disk.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import { pause } from "#runtime/pause.ts";
import type { Random } from "#runtime/random.ts";
import type { StreamBounds } from "#runtime/redis/append.ts";
import { GroupReader, type GroupReaderOptions } from "#runtime/redis/group/group-reader.ts";
import { Trimmer } from "#runtime/redis/group/trimmer.ts";
import type { Redis, RedisFailure } from "#runtime/redis/redis.ts";
import type { Ref, Within } from "#runtime/ref.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import type { Metrics } from "#runtime/telemetry/metrics.ts";
import { troubleOf } from "#runtime/trouble-of.ts";
import { Troubles } from "#runtime/troubles.ts";
import { MiB, second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";

/** The stream that producers publish to, in either protocol. */
export const EVENTS_STREAM = "events";
/** Who reads it: every node of one database. */
export const EVENTS_GROUP = "cepa";
/** How long a reader waits for an entry. */
export const EVENTS_BLOCK_MS: number = 2 * second;
/** How long Redis may take to answer where a request about a subject is dealt with. */
export const SUBJECT_MS_MAX: number = 10 * second;
/** One at a time: what a life ends with in hand is what it had begun with, and no other is delivered once more for that. */
const SUBJECT_PAGE = { pageCountMax: 1, pageBytesMax: 1 * MiB };
/** Between two tries of what a life needs before it can begin, and between two looks at what is to be told. */
export const PIPELINE_PAUSE_MS: number = 1 * second;

export interface PipelineOptions {
  readonly config: ConfigView<IngestConfig>;
  readonly auth: Ref<AuthProtocol>;
  readonly rows: EventRows;
  /** For what is answered at once. */
  readonly redis: Redis;
  /** One for each reader, which waits for entries on it, and one for the stream of subjects. */
  readonly reading: readonly Redis[];
  readonly subjectsReading: Redis;
  readonly disk: Disk;
  readonly directory: string;
  readonly meters: Meters;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `ctx.maybe` of the actor. */
  readonly maybe: (failpoint: string) => void;
  /** The worst that is wrong; undefined where nothing is. */
  readonly onTrouble: (trouble: string | undefined) => void;
}

export class Pipeline {
  readonly rows: EventRows;
  readonly deadLetters: DeadLetters;
  readonly asked: Asked<Failure>;
  readonly reviewing: BindingReviewSeams;
  /** What is judged by now. */
  readonly moment: () => Moment;
  readonly #options: PipelineOptions;
  readonly #troubles: Troubles;
  readonly #spill: Spill;
  readonly #record: SpillRecord;
  readonly #writer: Writer;
  #groups: readonly GroupReader[] = [];

  constructor(options: PipelineOptions) {
    const { config, auth, rows, redis, disk, directory, random, clock, onTrouble } = options;
    this.#options = options;
    this.rows = rows;
    this.deadLetters = new DeadLetters(redis, () => boundsOf(config.current), options.meters);
    this.moment = () => momentAt(clock.wallMs(), config.current);
    const bindings = new Bindings(rows, clock);
    const answers = new Answers((within, task) => task(redis, within), clock);
    const legacyProducer = (): Uuid | undefined => parseUuid(config.current.legacyProducer);
    this.reviewing = { auth, legacyProducer, rows, bindings, clock, answers };
    this.asked = {
      admit: admitBy(auth),
      bindings: (pairs, within) => bindings.bindings(pairs, within),
      legacy: (uses, within) => bindings.legacy(uses, within),
    };
    this.#troubles = new Troubles(onTrouble);
    const bytesMax = (): number => config.current.spillBytesMax;
    const onDamage = (damage: SpillDamage): void => {
      options.log.error("ingest.spill-damaged", { ...damage });
      options.meters.lost.add(damage.lostCountMin);
    };
    this.#spill = new Spill({ disk, random, directory: join(directory, "spill"), bytesMax, onDamage });
    this.#record = new SpillRecord({ redis, spill: this.#spill });
    this.#writer = new Writer({
      ...options,
      spill: this.#spill,
      record: this.#record,
      deadLetters: this.deadLetters,
      onTrouble: this.#troubles.of("postgres"),
    });
  }

  /** Where it is the last of its kind: the next life opens the same files. */
  close(): Promise<void> {
    return this.#spill.close();
  }

  get facts(): IngestFacts {
    const [group] = this.#groups;
    const { rowCount, sizeBytes } = this.#spill.totals;
    return { trouble: this.#trouble, backlog: group?.backlog, spill: { rowCount, sizeBytes } };
  }

  /** Settles when `within.signal` is aborted. */
  async run(within: Within): Promise<void> {
    const { disk, directory, random } = this.#options;
    const onBegin = this.#troubles.of("ingest");
    onBegin("it begins");
    const name = await this.#obtain("name", within, () => nodeNameIn(disk, directory, random));
    await this.#obtain("redis", within, () => this.#connected(within));
    if (name === undefined) return;
    await this.#obtain("spill", within, () => this.#openSpill(name, within));
    await this.#obtain("postgres", within, () => this.rows.open(within));
    if (within.signal.aborted) return;
    const readers = this.#makeReaders(name);
    onBegin(undefined);
    await Promise.all([
      this.#writer.replay(within),
      this.#tell(within),
      this.#makeSubjectLoop(name).run(within),
      ...[EVENTS_STREAM, SUBJECT_STREAM].map((stream) => this.#trimmerOf(stream).run(within)),
      ...readers.map((reader) => reader.run(within)),
      ...this.#groups.map((group) => group.attend(within)),
    ]);
  }

  /**
   * What keeps it from its work; else what of it is lost, for as long as this life has to say so. That is not of its health, which
   * says what it can do: a node would not be ready again.
   */
  get #trouble(): string | undefined {
    const { lostCountMin, damagedCount } = this.#spill.totals;
    const lost = lostCountMin === 0 ? [] : [`${lostCountMin} or more acknowledged events are lost`];
    const aside = damagedCount === 0 ? [] : [`damaged files are set aside: ${damagedCount}`];
    const damage = [...lost, ...aside].join("; ");
    return this.#troubles.worst ?? (damage === "" ? undefined : `spill: ${damage}`);
  }

  async #openSpill(name: string, within: Within): Promise<Result<void, Failure>> {
    const { clock } = this.#options;
    return await this.#record.open(name, withinMs(within, PIPELINE_PAUSE_MS, clock));
  }

  /** Again and again, until it is there; undefined where nobody waits for it any more. */
  async #obtain<Value>(
    what: string,
    within: Within,
    attempt: () => Promise<Result<Value, Failure>>,
  ): Promise<Value | undefined> {
    const { clock, log } = this.#options;
    const onTrouble = this.#troubles.of(what);
    while (!within.signal.aborted) {
      const obtained = await attempt();
      onTrouble(obtained.ok ? undefined : troubleOf(obtained.failure));
      if (obtained.ok) return obtained.value;
      log.warn("ingest.waits", { for: what, cause: troubleOf(obtained.failure) });
      await pause(clock, PIPELINE_PAUSE_MS, within.signal);
    }
    return undefined;
  }

  async #connected(within: Within): Promise<Result<void, RedisFailure>> {
    const { redis, reading, subjectsReading, clock } = this.#options;
    for (const connection of [redis, subjectsReading, ...reading]) {
      const ready = await connection.ready(withinMs(within, PIPELINE_PAUSE_MS, clock));
      if (!ready.ok) return ready;
    }
    return ok();
  }

  #makeReaders(name: string): readonly Reader[] {
    const { config, reading, clock, random, meters, log } = this.#options;
    const { pageCountMax, pageBytesMax } = config.current;
    this.#groups = reading.map((waiting, number) =>
      this.#groupOf({ waiting, stream: EVENTS_STREAM, consumer: `${name}-${number}`, pageCountMax, pageBytesMax }),
    );
    return this.#groups.map(
      (group, number) =>
        new Reader({
          group,
          asked: this.asked,
          writer: this.#writer,
          record: this.#record,
          deadLetters: this.deadLetters,
          moment: this.moment,
          // Half of what may be in hand: a page has to fit beside it.
          bounds: () => ({ waitingCountMax: Math.ceil(pageCountMax / 2), waitingBytesMax: pageBytesMax }),
          meters,
          clock,
          random,
          onTrouble: this.#troubles.of(`reader ${number}`),
          onLost: (count) => log.error("ingest.entries-lost", { stream: EVENTS_STREAM, count }),
        }),
    );
  }

  #makeSubjectLoop(name: string): StreamLoop {
    const { auth, subjectsReading, metrics, clock, random, log } = this.#options;
    const { bindings, answers } = this.reviewing;
    const stream = SUBJECT_STREAM;
    const timeoutMs = (): number => SUBJECT_MS_MAX;
    return new StreamLoop({
      stream,
      reader: this.#groupOf({ waiting: subjectsReading, stream, consumer: name, ...SUBJECT_PAGE }),
      judge: subjectJudge({ auth, rows: this.rows, bindings, clock }),
      answers,
      timeoutMs,
      clock,
      random,
      log,
      entries: metrics.counter("ingest_subject_requests_total", "Requests about subjects, by what came of them."),
      lost: metrics.counter("ingest_subject_requests_lost_total", "Requests about subjects that were never read."),
      onTrouble: this.#troubles.of("subjects"),
    });
  }

  #trimmerOf(stream: string): Trimmer {
    const { redis, clock, log } = this.#options;
    const onTrouble = this.#troubles.of(`trimming ${stream}`);
    return new Trimmer({ redis, stream, clock, onTrouble, onSetBack: () => log.error("stream.set-back", { stream }) });
  }

  #groupOf(
    place: Pick<GroupReaderOptions, "waiting" | "stream" | "consumer" | "pageCountMax" | "pageBytesMax">,
  ): GroupReader {
    const { config, redis, clock } = this.#options;
    const { claimIdleMs, claimIntervalMs } = config.current;
    const { pageCountMax: heldCountMax } = place;
    const common = { redis, clock, group: EVENTS_GROUP, blockMs: EVENTS_BLOCK_MS, claimIdleMs, claimIntervalMs };
    return new GroupReader({ ...place, ...common, heldCountMax });
  }

  /** What is kept of the whole of it, now and then. */
  async #tell(within: Within): Promise<void> {
    const { meters, clock } = this.#options;
    while (!within.signal.aborted) {
      const { backlog, spill } = this.facts;
      meters.spillRows.set(spill.rowCount);
      meters.spillBytes.set(spill.sizeBytes);
      if (backlog?.unreadCount !== undefined) meters.unread.set(backlog.unreadCount);
      if (backlog !== undefined) meters.pending.set(backlog.pendingCount);
      await pause(clock, PIPELINE_PAUSE_MS, within.signal);
    }
  }
}

function boundsOf({ deadLettersMax, deadLetterBytesMax }: IngestConfig): StreamBounds {
  return { countMax: deadLettersMax, sizeBytesMax: deadLetterBytesMax };
}

function momentAt(nowMs: number, { eventBytesMax, deliveriesMax, legacyProducer }: IngestConfig): Moment {
  const window = eventWindow(BigInt(Math.floor(nowMs)) * 1_000_000n);
  const bounds = { sizeBytesMax: eventBytesMax, window };
  return { bounds, nowMs, deliveriesMax, legacyProducer: parseUuid(legacyProducer) };
}
