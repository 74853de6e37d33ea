/**
 * Looks after what the node has claimed: takes again what somebody removed under it, writes the record that a full disk had
 * no room for, and sees when the data directory goes and comes back. It does so all the time, and before every start of a
 * cell, which needs its place.
 */
import type { Clock, Timer } from "#runtime/clock.ts";
import { fail } from "#runtime/errors.ts";
import type { Log } from "#runtime/telemetry/log.ts";
import { second } from "#runtime/units.ts";
import { awayIn, describeAway } from "#supervisor/data-mark.ts";
import type { Announcer } from "#supervisor/root/announcer.ts";
import type { CellHost } from "#supervisor/root/cell-life.ts";
import type { Claims, Kept } from "#supervisor/root/claims.ts";

/** Pause between two looks. */
export const KEEP_MS: number = 2 * second;

export interface KeeperOptions {
  readonly claims: Pick<Claims, "keep" | "isRecorded" | "places" | "url">;
  readonly clock: Clock;
  readonly log: Log;
  readonly announcer: Announcer;
  /** The run directory is there again, without the sockets that living cells listen on. */
  readonly onSocketsGone: () => void;
  /** The data directory was away, and is there again. */
  readonly onDataBack: () => void;
}

export class Keeper {
  readonly #options: KeeperOptions;
  #timer: Timer | undefined;
  #isClosed = false;
  /** Why the run directory cannot be used, as last logged. */
  #problem: string | undefined;
  #isDataAway = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** From here on, until `close`. A node that the disk had no room to record serves all the same, and says so. */
  start(): void {
    const { claims, announcer } = this.#options;
    if (!claims.isRecorded) {
      const { record } = claims.places;
      announcer.announce({ event: "not-recorded", http: claims.url, record, reason: "disk.full" });
    }
    this.#tick();
  }

  /** A host that opens no place for a cell before that of its sockets is as it has to be. */
  guard(host: CellHost): CellHost {
    return {
      open: async (cell) => {
        const { door } = await this.#look();
        return door.ok ? host.open(cell) : fail({ code: "supervisor.host-failed", cell, cause: door.failure.message });
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(KEEP_MS, async () => {
      await this.#look();
      this.#tick();
    });
  }

  async #look(): Promise<Kept> {
    const { claims, log, announcer, onSocketsGone } = this.#options;
    const kept = await claims.keep();
    for (const path of kept.restored) {
      log.warn("root.restored", { path });
      announcer.announce(
        path === claims.places.record ? { event: "recorded", record: path } : { event: "restored", path },
      );
      if (path === claims.places.run) onSocketsGone();
    }
    const problem = kept.door.ok ? undefined : kept.door.failure.message;
    if (problem !== undefined && problem !== this.#problem) log.error("root.no-run-directory", { problem });
    this.#problem = problem;
    this.#lookAtData(kept);
    return kept;
  }

  #lookAtData({ data }: Kept): void {
    const { log, onDataBack } = this.#options;
    const wasAway = this.#isDataAway;
    const away = awayIn(data);
    if (away !== undefined && !wasAway) log.error("root.data-away", { problem: describeAway(away) });
    // Without an answer it counts as it did.
    if (data.ok || away !== undefined) this.#isDataAway = away !== undefined;
    if (!data.ok || !wasAway) return;
    log.info("root.data-back");
    onDataBack();
  }
}
