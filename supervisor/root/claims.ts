/**
 * What a node takes before anything of it runs, and gives back at the end: the lock on its data directory, the run
 * directory with the admin socket, a port, and the record by which clients find it.
 *
 * The lock decides who the node of a directory is; without it nothing here is touched, not even at the end.
 */

import type { ConfigTable } from "#runtime/config/toml.ts";
import { readConfigFile } from "#runtime/config/watcher.ts";
import type { DiskFailure } from "#runtime/disk/disk.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import type { Held } from "#runtime/lock/lock.ts";
import type { Listener } from "#runtime/network/network.ts";
import { second } from "#runtime/units.ts";
import { type AdminHandler, listenAdmin } from "#supervisor/root/admin.ts";
import { unknownSection } from "#supervisor/root/config-rollout.ts";
import { httpUrl, type RootOptions } from "#supervisor/root/options.ts";
import { type Places, placesOf } from "#supervisor/root/places.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

/** How long a taken port is waited for: after `kill -9` the last node's cells still have it for a moment. */
export const PORT_WAIT_MS: number = 5 * second;
const PORT_POLL_MS = 100;

/** The node cannot run. `message` is one line for the user. */
export interface CannotRun extends Failure<"supervisor.cannot-run"> {
  readonly message: string;
}

/** The configuration as found at the start; `bytes` undefined when there is no file. */
export interface FoundConfig {
  readonly raw: ConfigTable;
  readonly bytes: Uint8Array | undefined;
}

export class Claims {
  readonly places: Places;
  /** Path of the configuration file, whether it exists or not. */
  readonly configPath: string;
  readonly #options: RootOptions;
  readonly #seams: RootSeams;
  #port = 0;
  #isRecorded = false;
  #recording: Promise<Result<void, DiskFailure>> = Promise.resolve(ok());
  #lock: Held | undefined;
  #admin: Listener | undefined;

  constructor(options: RootOptions, seams: RootSeams) {
    this.#options = options;
    this.#seams = seams;
    const { userId, digest } = seams;
    const runtimeDirectory = seams.base.processes.self.env["XDG_RUNTIME_DIR"] || undefined;
    this.places = placesOf({ dataDirectory: options.dataDirectory, runtimeDirectory, userId, digest });
    this.configPath = options.configFile ?? this.places.config;
  }

  /** 0 until it is chosen; then the same for the life of the node. */
  get port(): number {
    return this.#port;
  }

  get url(): string {
    return httpUrl({ host: this.#options.http.host, port: this.#port });
  }

  /** `sections`: those that the configuration may have. What was taken before a failure stays until `release`. */
  async take(sections: readonly string[], handle: AdminHandler): Promise<Result<FoundConfig, CannotRun>> {
    const { disk, locks, network } = this.#seams.base;
    const { data, logs, lock, run, adminSocket } = this.places;
    for (const directory of [data, logs]) {
      const made = await disk.makeDirectory(directory);
      // Without logs it can still serve what it has.
      const isSpared = !made.ok && directory === logs && made.failure.code === "disk.full";
      if (!made.ok && !isSpared) return cannot(`cannot use ${directory}: ${describe(made.failure)}`);
    }
    const locked = await locks.acquire(lock, { waitMs: 0 });
    if (!locked.ok) return cannot(await this.#explainLock(locked.failure));
    this.#lock = locked.value;
    const config = await this.#readConfig(sections);
    if (!config.ok) return config;

    const isPrivate = this.#seams.ensurePrivateDirectory(run);
    if (!isPrivate.ok) return cannot(`cannot use the run directory ${run}: ${isPrivate.failure.cause}`);
    // From here on the listening socket keeps the process alive, also while it waits for its port.
    const admin = await listenAdmin(network, adminSocket, handle);
    if (!admin.ok) return cannot(`cannot listen on ${adminSocket}: ${admin.failure.errno}`);
    this.#admin = admin.value;
    const port = await this.#findPort();
    if (!port.ok) return port;
    this.#port = port.value;
    const recorded = await this.record();
    // A full disk takes no writes, but what is on it can be read.
    if (recorded.ok || recorded.failure.code === "disk.full") return config;
    return cannot(`cannot write ${this.places.record}: ${describe(recorded.failure)}`);
  }

  /** Writes what clients find the node by. On a full disk that fails, and is to be tried again. */
  record(): Promise<Result<void, DiskFailure>> {
    this.#recording = this.#writeRecord();
    return this.#recording;
  }

  /** False while the disk has no room for it. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** Gives everything back; the lock last. */
  async release(): Promise<void> {
    if (this.#lock === undefined) return;
    const { disk } = this.#seams.base;
    await this.#admin?.close();
    await this.#recording;
    await disk.removeTree(this.places.run);
    await disk.remove(this.places.record);
    this.#lock.release();
    this.#lock = undefined;
  }

  async #writeRecord(): Promise<Result<void, DiskFailure>> {
    const { disk } = this.#seams.base;
    // After the end there is nobody to be found.
    if (this.#isRecorded || this.#lock === undefined) return ok();
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
      http: this.url,
      admin: this.places.adminSocket,
      run: this.places.run,
      profile: this.#options.profile,
      version,
      startedAt: new Date(base.clock.wallMs()).toISOString(),
    };
    return `${JSON.stringify(record, undefined, 2)}\n`;
  }

  async #explainLock(failure: Failure & { readonly cause?: string }): Promise<string> {
    const { data, record, lock } = this.places;
    if (failure.code !== "lock.taken") return `cannot lock ${lock}: ${failure.cause}`;
    const read = await this.#seams.base.disk.readFile(record);
    const pid = read.ok ? /"pid":\s*(\d+)/.exec(Buffer.from(read.value).toString("utf8"))?.[1] : undefined;
    const who = pid === undefined ? "another node" : `another node (process ${pid})`;
    return `${who} already runs on ${data}: stop it with cepa down --data ${data}, or give --data another directory`;
  }

  async #readConfig(sections: readonly string[]): Promise<Result<FoundConfig, CannotRun>> {
    const path = this.configPath;
    const file = await readConfigFile(this.#seams.base.disk, path);
    if (!file.ok) {
      const { problem, line, column } = file.failure;
      const isMissing = problem === "disk.not-found";
      if (isMissing && this.#options.configFile === undefined) return ok({ raw: {}, bytes: undefined });
      const where = line > 0 ? `${path}:${line}:${column}` : path;
      return cannot(`configuration ${where}: ${isMissing ? "there is no such file" : problem}`);
    }
    const unknown = unknownSection(file.value.raw, sections);
    return unknown === undefined ? ok(file.value) : cannot(`configuration ${path}: ${unknown}`);
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
        return cannot(`cannot listen on ${host}:${port}: ${errno === "EADDRINUSE" ? "it is in use" : errno}`);
      }
      await new Promise<void>((resolve) => {
        clock.after(PORT_POLL_MS, resolve);
      });
    }
  }
}

function cannot(message: string): Result<never, CannotRun> {
  return fail({ code: "supervisor.cannot-run", message });
}

function describe(failure: Failure): string {
  return "errno" in failure ? String(failure.errno) : failure.code;
}
