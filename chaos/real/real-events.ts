/**
 * Events of a node that runs: its own Redis as producers reach it, people who let keys in by the command line, and what is in its
 * Postgres and among its dead letters.
 *
 * The Redis is the node's, but that each command is on its disk before it is answered (`wrapRedis`): what it took and lost
 * because it syncs once a second would be no fault of ingest.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { TemporaryFolder } from "#bench/temporary.ts";
import type { FoundRow } from "#chaos/checkers/event-history.ts";
import { contentOf } from "#chaos/workload/events.ts";
import type { EventsLook, EventsPort } from "#chaos/workload/events-port.ts";
import { lettersIn, openCountIn } from "#chaos/workload/redis-replies.ts";
import { lateMsOf } from "#chaos/workload/remembering.ts";
import { signerFrom } from "#chaos/workload/signer.ts";
import type { SshSigner } from "#client/ssh/certificate.ts";
import { parsePrivateKey } from "#client/ssh/private-key.ts";
import { assert, fail, type Result } from "#runtime/errors.ts";
import type { Random } from "#runtime/random.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import type { Redis, RedisCommand, RedisFailure, RedisReply } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import type { SqlRow } from "#runtime/sql/sql.ts";
import { second } from "#runtime/units.ts";
import { withinMs } from "#runtime/within-ms.ts";
import type { TestNode } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { addressOf } from "#test/kit/redis.ts";
import { makeTrust, WorkNode, wrapRedis } from "#test/kit/work-node.ts";

/** A producer that hears nothing for so long gives the connection up, and does not know what became of what it sent. */
const SILENCE_MS_MAX: number = 3 * second;
/** Longest wait for what is looked at. */
const LOOK_MS_MAX: number = 5 * second;

const ROWS = `select event_id, producer_id, subject_id, ts_ns, entry_id, payload::text as payload, tags::text as tags
  from ingest.readable_events`;

export class RealEvents implements EventsPort {
  readonly authority: SshSigner;
  /** What the node finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: TemporaryFolder;
  #life: { readonly work: WorkNode; readonly redis: Redis } | undefined;

  /** What `cepa auth init` has made is in it. */
  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    const trust = folder.path;
    this.env = { PATH: `${wrapRedis(trust)}${delimiter}${process.env["PATH"] ?? ""}` };
    const key = parsePrivateKey(readFileSync(join(trust, "producer_ca"), "utf8"));
    assert(typeof key !== "string", "what was made is a key");
    this.authority = signerFrom(key.seed);
  }

  /** The node that it is attached to, with its servers. */
  get work(): WorkNode | undefined {
    return this.#life?.work;
  }

  /** In a folder of its own, in `parent`. */
  static async prepare(random: Random, parent: string): Promise<RealEvents> {
    const folder = new TemporaryFolder(parent, "cepa-work-");
    const trust = await makeTrust(folder.path);
    const path = join(trust, "cepa.toml");
    const late = `[auth]\nrevocationLateMs = ${lateMsOf(random)}\n`;
    writeFileSync(path, `${readFileSync(path, "utf8").replace("[auth]\n", late)}\n[redis]\nport = 0\n`);
    return new RealEvents(folder);
  }

  /** A configuration with the cell `work` in it. It names neither of its sections itself. */
  configWith(config: string): string {
    return `${config}\n${readFileSync(join(this.#folder.path, "cepa.toml"), "utf8")}`;
  }

  /** From here on until `detach`: the Redis of each start has a port of its own. */
  attach(node: TestNode): void {
    const work = new WorkNode(node, this.#folder.path);
    const place = { address: addressOf(work.url), silenceMs: SILENCE_MS_MAX };
    this.#life = { work, redis: openRedis(place, realClock, createRealRandom()) };
  }

  async detach(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await Promise.all([life?.redis.close(), life?.work.letGo()]);
  }

  async discard(): Promise<void> {
    await this.detach();
    this.#folder[Symbol.dispose]();
  }

  async ask(command: RedisCommand): Promise<Result<RedisReply, RedisFailure>> {
    const redis = this.#life?.redis;
    if (redis === undefined) return fail({ code: "redis.unreachable", executed: "no", cause: "the node is down" });
    const within = soon();
    const ready = await redis.ready(within);
    return ready.ok ? await redis.call(command, within) : ready;
  }

  async approve(): Promise<void> {
    await this.#life?.work.approvePending();
  }

  async look(): Promise<EventsLook | undefined> {
    const life = this.#life;
    if (life === undefined) return undefined;
    const { sql, redis } = life.work;
    const within = soon();
    const ready = await redis.ready(within);
    if (!ready.ok) return undefined;
    // What is open is looked at first: what is settled after that is kept by the time that the rest is looked at.
    const groups = await redis.call(["XINFO", "GROUPS", "events"], within);
    const rows = await sql.query({ text: ROWS }, within);
    const letters = await redis.call(["XRANGE", "events:dlq", "-", "+"], within);
    if (!groups.ok || !rows.ok || !letters.ok) return undefined;
    return {
      openCount: openCountIn(groups.value),
      rows: rows.value.map(rowOf),
      letters: lettersIn(letters.value),
    };
  }
}

function rowOf(row: SqlRow): FoundRow {
  const text = (name: string): string => row[name] ?? "";
  const tags = JSON.parse(text("tags")) as { readonly key: string; readonly value: string }[];
  const said = { producerId: text("producer_id"), subjectId: text("subject_id"), tsNs: text("ts_ns"), tags };
  return { id: text("event_id"), entryId: text("entry_id"), content: contentOf({ ...said, payload: text("payload") }) };
}

function soon(): Within {
  return withinMs(patient, LOOK_MS_MAX, realClock);
}
