/**
 * What a node takes before anything of it runs, and gives back at the end: the lock on its data directory, the run
 * directory with the admin socket, a port, and the record by which clients find it.
 *
 * The lock decides who the node of a directory is; without it nothing here is touched, not even at the end. A lock file
 * can be removed under who holds it: a node that still answers on its admin socket is the node of its directory too.
 */
import { basename } from "node:path";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { wipe } from "#runtime/disk/wipe.ts";
import { type Failure, ok, type Result } from "#runtime/errors.ts";
import type { Held } from "#runtime/lock/lock.ts";
import { second } from "#runtime/units.ts";
import type { NodeSpec } from "#supervisor/child-spec.ts";
import { type DataCheck, dataCheck, MARK_NAME, takeMark } from "#supervisor/data-mark.ts";
import type { AdminHandler } from "#supervisor/root/admin.ts";
import { AdminDoor } from "#supervisor/root/admin-door.ts";
import { type CannotRun, cannotRun, reasonOf } from "#supervisor/root/cannot-run.ts";
import { configPathOf, type FoundConfig, readConfig } from "#supervisor/root/found-config.ts";
import { isGone } from "#supervisor/root/gone.ts";
import { httpUrl, type RootOptions } from "#supervisor/root/options.ts";
import { isOtherAlive, readRecord } from "#supervisor/root/other-node.ts";
import { type Places, placesOf } from "#supervisor/root/places.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

/** How long a taken port is waited for: after `kill -9` the last node's cells still have it for a moment. */
export const PORT_WAIT_MS: number = 5 * second;
const PORT_POLL_MS = 100;

/** What was found when a node looked after its claims. */
export interface Kept {
  /** Paths that were gone, and are there again. */
  readonly restored: readonly string[];
  /** Whether the run directory and the admin socket in it are as they have to be. */
  readonly door: Result<void, CannotRun>;
  /** Whether the data directory is there. While it is not, or that is not known, nothing is taken in its place. */
  readonly data: Awaited<ReturnType<DataCheck>>;
}

export class Claims {
  readonly places: Places;
  /** Path of the configuration file, whether it exists or not. */
  readonly configPath: string;
  readonly #options: RootOptions;
  readonly #seams: RootSeams;
  #port = 0;
  #isRecorded = false;
  #isReleasing = false;
  #startedAt = "";
  #mark: string | undefined;
  #lock: Held | undefined;
  #door: AdminDoor | undefined;
  /** One after another: the last one. */
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(options: RootOptions, seams: RootSeams) {
    this.#options = options;
    this.#seams = seams;
    const { userId, digest } = seams;
    const runtimeDirectory = seams.base.processes.self.env["XDG_RUNTIME_DIR"] || undefined;
    const { dataDirectory, amnesia } = options;
    this.places = placesOf({ dataDirectory, runtimeDirectory, amnesia, userId, digest });
    this.configPath = configPathOf(options);
  }

  /** 0 until it is chosen; then the same for the life of the node. */
  get port(): number {
    return this.#port;
  }

  /** Of the data directory; see `takeMark`. */
  get mark(): string | undefined {
    return this.#mark;
  }

  get url(): string {
    return httpUrl({ host: this.#options.http.host, port: this.#port });
  }

  /** The configuration is that of `tree`. What was taken before a failure stays until `release`. */
  async take(tree: NodeSpec, handle: AdminHandler): Promise<Result<FoundConfig, CannotRun>> {
    const { disk, locks, clock, random } = this.#seams.base;
    const { data, logs, lock } = this.places;
    // In amnesia mode no log is a file.
    for (const directory of this.#options.amnesia ? [data] : [data, logs]) {
      const made = await disk.makeDirectory(directory);
      // Without logs it can still serve what it has.
      const isSpared = !made.ok && directory === logs && made.failure.code === "disk.full";
      if (made.ok || isSpared) continue;
      const why = `cannot use ${directory}: ${reasonOf(made.failure)}`;
      return cannotRun(made.failure.code, `${why}; mend it, or give --data another directory`);
    }
    const locked = await locks.acquire(lock, { waitMs: 0 });
    if (!locked.ok) return cannotRun(locked.failure.code, await this.#explainLock(locked.failure));
    if (await isOtherAlive(this.#seams.base, this.places)) {
      locked.value.release();
      return cannotRun("lock.taken", await this.#explainLock({ code: "lock.taken" }));
    }
    this.#lock = locked.value;
    const forgotten = await this.#forgetTheLast();
    if (!forgotten.ok) return forgotten;
    const marked = await takeMark(disk, random, data);
    if (!marked.ok) {
      const why = `cannot use ${data}/${MARK_NAME}: ${reasonOf(marked.failure)}`;
      return cannotRun(marked.failure.code, `${why}; mend that, or give --data another directory`);
    }
    this.#mark = marked.value;
    const config = await readConfig(this.#seams.base, this.#options, tree);
    if (!config.ok) return config;

    this.#door = new AdminDoor(this.places, this.#seams, handle);
    // From here on the listening socket keeps the process alive, also while it waits for its port.
    const opened = await this.#door.open();
    if (!opened.ok) return opened;
    const port = await this.#findPort();
    if (!port.ok) return port;
    this.#port = port.value;
    this.#startedAt = new Date(clock.wallMs()).toISOString();
    const recorded = await this.#writeRecord();
    // A full disk takes no writes, but what is on it can be read.
    if (recorded.ok || recorded.failure.code === "disk.full") return config;
    const why = `cannot write ${this.places.record}: ${reasonOf(recorded.failure)}`;
    return cannotRun(recorded.failure.code, `${why}; mend that, or give --data another directory`);
  }

  /** False while the disk has no room for it. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** Takes again what somebody removed, and writes the record that a full disk had no room for. */
  keep(): Promise<Kept> {
    const keeping = this.#keeping.then(() => this.#keep());
    this.#keeping = keeping;
    return keeping;
  }

  /** Gives everything back; the lock last. */
  async release(): Promise<void> {
    if (this.#lock === undefined) return;
    const { disk } = this.#seams.base;
    this.#isReleasing = true;
    await this.#keeping;
    await this.#door?.close();
    await disk.removeTree(this.places.run);
    await disk.remove(this.places.record);
    // While it is held nobody takes the directory for a leftover.
    if (this.#options.amnesia) await wipe(disk, this.places.data);
    this.#lock.release();
    this.#lock = undefined;
  }

  async #keep(): Promise<Kept> {
    const { disk, locks } = this.#seams.base;
    const { data: directory, lock, run, record } = this.places;
    const restored: string[] = [];
    if (this.#isReleasing || this.#lock === undefined || this.#door === undefined) {
      return { restored, door: ok(), data: ok() };
    }

    const data = await dataCheck(disk, directory, this.#mark)();
    if (data.ok && (await isGone(disk, lock))) {
      const locked = await locks.acquire(lock, { waitMs: 0 });
      if (locked.ok) {
        this.#lock.release();
        this.#lock = locked.value;
        restored.push(lock);
      }
    }
    const opened = await this.#door.open();
    if (opened.ok && opened.value) restored.push(run);
    if (data.ok && (!this.#isRecorded || (await isGone(disk, record)))) {
      const recorded = await this.#writeRecord();
      if (recorded.ok) restored.push(record);
    }
    return { restored, door: opened.ok ? ok() : opened, data };
  }

  async #writeRecord(): Promise<Result<void, DiskFailure>> {
    const { disk } = this.#seams.base;
    const bytes = Buffer.from(this.#record());
    let recorded = await disk.replaceFile(this.places.record, bytes);
    if (!recorded.ok && recorded.failure.code === "disk.full") {
      // That of a node which was killed only misleads, and its room may be enough.
      await disk.remove(this.places.record);
      recorded = await disk.replaceFile(this.places.record, bytes);
    }
    this.#isRecorded = recorded.ok;
    return recorded;
  }

  /** What clients find the node by; the fields are a contract with them. */
  #record(): string {
    const { base, version } = this.#seams;
    const record = {
      pid: base.processes.self.pid,
      data: this.places.data,
      http: this.url,
      admin: this.places.adminSocket,
      run: this.places.run,
      profile: this.#options.profile,
      ...(this.#options.amnesia ? { amnesia: true, namedDirectory: this.#options.namedDirectory } : {}),
      version,
      startedAt: this.#startedAt,
    };
    return `${JSON.stringify(record, undefined, 2)}\n`;
  }

  async #explainLock(failure: Failure & { readonly cause?: string }): Promise<string> {
    const { data, record, lock } = this.places;
    if (failure.code !== "lock.taken") {
      return `cannot lock ${lock}: ${failure.cause}; mend that, or give --data another directory`;
    }
    const { pid } = await readRecord(this.#seams.base.disk, record);
    const who = pid === undefined ? "another node" : `another node (process ${pid})`;
    return `${who} already runs on ${data}: stop it with cepa down --data ${data}, or give --data another directory`;
  }

  /** A node in amnesia mode that was killed could not forget. Its lock is ours now. */
  async #forgetTheLast(): Promise<Result<void, CannotRun>> {
    if (!this.#options.amnesia) return ok();
    const { data, lock } = this.places;
    const wiped = await wipe(this.#seams.base.disk, data, [basename(lock)]);
    if (wiped.ok) return ok();
    return cannotRun(
      wiped.failure.code,
      `cannot remove what is left in ${data}: ${reasonOf(wiped.failure)}; remove it`,
    );
  }

  async #findPort(): Promise<Result<number, CannotRun>> {
    const { host, port } = this.#options.http;
    const { clock } = this.#seams.base;
    const untilMs = clock.nowMs() + PORT_WAIT_MS;
    for (;;) {
      const found = await this.#seams.findPort(host, port);
      if (found.ok) return found;
      const { errno } = found.failure;
      if (errno !== "EADDRINUSE" || clock.nowMs() >= untilMs) {
        const why = `cannot listen on ${host}:${port}: ${reasonOf(found.failure)}`;
        return cannotRun(found.failure.code, `${why}; choose another with --http`);
      }
      await new Promise<void>((resolve) => {
        clock.after(PORT_POLL_MS, resolve);
      });
    }
  }
}
