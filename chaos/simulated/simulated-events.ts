/**
 * Events of a simulated node: its servers, the tables at the place of its Postgres, and who comes to them from outside, as producers,
 * as people who let keys in, and as whoever looks at what is kept.
 */

import type { EventRow } from "#actors/ingest/event-row.ts";
import type { FoundRow } from "#chaos/checkers/event-history.ts";
import { SimulatedTables } from "#chaos/simulated/tables.ts";
import { contentOf } from "#chaos/workload/events.ts";
import type { EventsLook, EventsPort } from "#chaos/workload/events-port.ts";
import { authorityLine } from "#chaos/workload/newcomer.ts";
import { lettersIn, openCountIn } from "#chaos/workload/redis-replies.ts";
import { lateMsOf } from "#chaos/workload/remembering.ts";
import { signerFrom } from "#chaos/workload/signer.ts";
import type { SshSigner } from "#client/ssh/certificate.ts";
import { must, type Result } from "#runtime/errors.ts";
import type { Redis, RedisCommand, RedisFailure, RedisReply } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import type { Simulation } from "#runtime/simulated/simulation.ts";
import { second } from "#runtime/units.ts";
import { SimulatedServers } from "#supervisor/simulated/servers.ts";

/** Where the node finds who certifies producers. */
const AUTHORITY_FOLDER = "/etc/cepa";
const AUTHORITY_PATH = `${AUTHORITY_FOLDER}/producer_ca.pub`;
/** A producer that hears nothing for so long gives the connection up. */
const SILENCE_MS_MAX: number = 3 * second;
/** Of whoever lets keys in. */
const REVIEWER = "chaos";
const KEYS_MAX = 1000;

export class SimulatedEvents implements EventsPort {
  readonly authority: SshSigner;
  readonly servers: SimulatedServers;
  readonly tables: SimulatedTables;
  readonly #simulation: Simulation;
  readonly #lateMs: number;
  /** Of producers, who are on no life of the node. */
  readonly #redis: Redis;

  constructor(simulation: Simulation) {
    const { clock } = simulation;
    this.#simulation = simulation;
    this.servers = new SimulatedServers(clock, simulation.fork());
    this.tables = new SimulatedTables(this.servers.postgres, simulation.fork());
    this.authority = signerFrom(simulation.fork().bytes(32));
    this.#lateMs = lateMsOf(simulation.fork());
    this.#redis = this.servers.redis.connect({ clock, silenceMs: SILENCE_MS_MAX });
  }

  /** A configuration with the cell `work` in it. It names neither of its sections itself. */
  configWith(config: string): string {
    const auth = `producerAuthority = ["${AUTHORITY_PATH}"]\nrevocationLateMs = ${this.#lateMs}\n`;
    return `${config}\n[ingest]\nenabled = true\n[auth]\n${auth}`;
  }

  /** Before the node is begun. */
  async prepare(): Promise<void> {
    const { disk } = this.#simulation;
    must(await disk.makeDirectory(AUTHORITY_FOLDER), "a directory");
    must(await disk.replaceFile(AUTHORITY_PATH, Buffer.from(authorityLine(this.authority))), "who certifies producers");
  }

  async ask(command: RedisCommand): Promise<Result<RedisReply, RedisFailure>> {
    const within = this.#soon();
    const answer = await this.#redis.call(command, within);
    this.#simulation.tell("asked", command[0], answer);
    return answer;
  }

  /** On another node that works with the same tables. */
  async approve(): Promise<void> {
    const { directory } = this.tables;
    const waiting = must(await directory.list("pending", KEYS_MAX, undefined), "the keys that wait");
    const atMs = Math.floor(this.#simulation.clock.wallMs());
    for (const { fingerprint, producerId } of waiting) {
      must(
        await directory.approve({
          fingerprint,
          producerId,
          reviewer: REVIEWER,
          notes: undefined,
          atMs,
          mayRotate: true,
        }),
        "a review",
      );
    }
  }

  async look(): Promise<EventsLook | undefined> {
    const groups = await this.#redis.call(["XINFO", "GROUPS", "events"], this.#soon());
    const letters = await this.#redis.call(["XRANGE", "events:dlq", "-", "+"], this.#soon());
    if (!groups.ok || !letters.ok) return undefined;
    return {
      openCount: openCountIn(groups.value),
      rows: this.tables.rows.events.map(foundOf),
      letters: lettersIn(letters.value),
    };
  }

  #soon(): Within {
    const { signal } = new AbortController();
    return { deadlineMs: this.#simulation.clock.nowMs() + SILENCE_MS_MAX, signal };
  }
}

function foundOf({ eventId, producerId, subjectId, tsNs, payload, tags, streamId }: EventRow): FoundRow {
  const [, entryId = ""] = streamId.split(":");
  // A UUID is the same in either case.
  return {
    id: eventId.toLowerCase(),
    entryId,
    content: contentOf({ producerId, subjectId, tsNs: `${tsNs}`, payload, tags }),
  };
}
