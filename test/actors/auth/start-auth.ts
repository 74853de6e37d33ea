/**
 * Auth on a machine of its own, with manual time and a Redis in memory. Its directory is in memory too where nothing else is
 * said.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type AuthDeps, authBehavior } from "#actors/auth/actor.ts";
import { type AuthConfig, authConfigSchema } from "#actors/auth/config.ts";
import type { Directory } from "#actors/auth/directory/directory.ts";
import { MemoryDirectory } from "#actors/auth/directory/memory-directory.ts";
import type { Admission, AuthProtocol, Reviewed } from "#actors/auth/protocol.ts";
import { threadSigning } from "#actors/domain/tokens/token-signing.ts";
import type { Clock } from "#runtime/clock.ts";
import { must } from "#runtime/errors.ts";
import type { Redis, RedisReply } from "#runtime/redis/redis.ts";
import type { CallOptions } from "#runtime/ref.ts";
import { MemoryDisk } from "#runtime/simulated/disk.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import { second } from "#runtime/units.ts";
import {
  type Authority,
  type Fields,
  newAuthority,
  newProducer,
  PRINCIPAL,
  type Producer,
} from "#test/actors/auth/producer.ts";
import { type Started, startActor, testMachine } from "#test/kit/actor.ts";
import { patient } from "#test/kit/patient.ts";

export const asked: CallOptions = { timeoutMs: 60 * second };
const AUTHORITY_PATH = "/etc/producer_ca.pub";
export const KEY_PATH = "/data/auth/signing-key.pem";

export type Told = Readonly<Record<string, string>>;

export interface AuthOptions {
  readonly config?: Partial<AuthConfig>;
  readonly directory?: Directory;
  readonly redis?: SimulatedRedis;
  readonly disk?: MemoryDisk;
  readonly authority?: Authority;
  /** By how much time moves while something is waited for. */
  readonly stepMs?: number;
  readonly machine?: ReturnType<typeof testMachine>;
}

export class StartedAuth {
  readonly started: Started<AuthProtocol>;
  readonly server: SimulatedRedis;
  readonly directory: Directory;
  readonly disk: MemoryDisk;
  readonly authority: Authority;
  /** Past the actor. */
  readonly redis: Redis;
  readonly #wall: WallClock;
  /** Of time, where somebody waits for a real server meanwhile: it must not run away from that. */
  readonly #stepMs: number | undefined;

  constructor(
    parts: Pick<StartedAuth, "started" | "server" | "directory" | "disk" | "authority" | "redis">,
    wall: WallClock,
    stepMs: number | undefined,
  ) {
    this.started = parts.started;
    this.server = parts.server;
    this.directory = parts.directory;
    this.disk = parts.disk;
    this.authority = parts.authority;
    this.redis = parts.redis;
    this.#wall = wall;
    this.#stepMs = stepMs;
  }

  get ref(): Started<AuthProtocol>["ref"] {
    return this.started.ref;
  }

  /** Lets time pass, a little at a time, until it settles: some of what is waited for takes real threads. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (let turn = 0; !isSettled; turn += 1) {
      assert(turn < 20_000, "what is waited for comes at all");
      await setImmediate();
      // What takes long is waited for in larger steps.
      await this.started.clock.advance(this.#stepMs ?? Math.min(100, 2 + turn / 4));
    }
    return await promise;
  }

  /** Timers run. */
  async pass(ms: number): Promise<void> {
    const stepMs = Math.min(Math.max(50, ms / 20), 1000);
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      await this.started.clock.advance(Math.min(stepMs, leftMs));
      await setImmediate();
    }
  }

  /** It is so much later, for auth and for Redis. Only who asks what time it is notices, and no timer runs. */
  jump(ms: number): void {
    this.#wall.offsetMs += ms;
  }

  async ask(...command: readonly [string, ...(string | number)[]]): Promise<RedisReply> {
    return must(await this.until(this.redis.call(command, patient)), command.join(" "));
  }

  async send(stream: string, fields: Fields): Promise<string> {
    const id = await this.ask("XADD", stream, "*", ...Object.entries(fields).flat());
    assert(id instanceof Uint8Array);
    return Buffer.from(id).toString();
  }

  /** Sends, and waits until it was judged: how many were, by what came of them. */
  async sent(stream: string, ...all: readonly Fields[]): Promise<void> {
    for (const fields of all) await this.send(stream, fields);
    await this.settled(stream);
  }

  /** Until nothing is pending or unread. */
  async settled(stream: string): Promise<void> {
    await this.until(this.#settle(stream));
  }

  async #settle(stream: string): Promise<void> {
    for (;;) {
      const groups = must(await this.redis.call(["XINFO", "GROUPS", stream], patient), "groups");
      const facts = Array.isArray(groups) ? groups[0] : undefined;
      if (!Array.isArray(facts)) {
        // Nobody reads it yet, or any more.
        await setImmediate();
        continue;
      }
      const numberOf = (name: string): unknown => facts[facts.findIndex((one) => text(one) === name) + 1];
      if (numberOf("pending") === 0 && numberOf("lag") === 0) return;
      await setImmediate();
    }
  }

  /** All that is in a stream of answers. */
  async answers(stream: string): Promise<readonly Told[]> {
    const entries = await this.ask("XRANGE", stream, "-", "+");
    assert(Array.isArray(entries));
    return entries.map((entry) => {
      assert(Array.isArray(entry));
      const words = entry[1];
      assert(Array.isArray(words));
      const told: Record<string, string> = {};
      for (let at = 0; at < words.length; at += 2) told[text(words[at])] = text(words[at + 1]);
      return told;
    });
  }

  /** What is answered to a registration. */
  async register(fields: Fields): Promise<readonly Told[]> {
    await this.sent("fdc:register", fields);
    return this.answers(`fdc:register:resp:${fields["nonce"] ?? ""}`);
  }

  /** What is answered to an exchange, the last one; undefined where nothing is. */
  async exchange(producerId: string, fields: Fields): Promise<Told | undefined> {
    const stream = `fdc:token:resp:${producerId}`;
    await this.ask("DEL", stream);
    await this.sent("fdc:token:exchange", fields);
    return (await this.answers(stream)).at(-1);
  }

  /** A producer that was let in, and its id. */
  async approved(producer?: Producer): Promise<{ readonly producer: Producer; readonly producerId: string }> {
    const one = producer ?? (await newProducer(this.authority));
    const [told] = await this.register(await one.sign({ producer_hint: "a" }));
    const producerId = told?.["producer_id"] ?? "";
    await this.review("approve", one, producerId);
    return { producer: one, producerId };
  }

  async review(
    action: "approve" | "deny",
    { fingerprint }: { readonly fingerprint: string },
    producerId: string,
  ): Promise<Reviewed> {
    const review = { action, fingerprint, producerId, reviewer: "fdc-admin", notes: undefined } as const;
    return must(await this.until(this.ref.call("reviewKey", review, asked)), "a review");
  }

  /** A token of a producer. */
  async token(producer: Producer, producerId: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const told = await this.exchange(producerId, await producer.sign({ producer_id: producerId, ...more }));
    const token = told?.["token"];
    assert(token !== undefined, JSON.stringify(told));
    return token;
  }

  async admit(...tokens: readonly string[]): Promise<readonly Admission[]> {
    return must(await this.until(this.ref.call("admit", { tokens }, asked)), "admissions");
  }
}

/** The wall time of a world may be put forward. */
class WallClock {
  offsetMs = 0;

  over(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      recentMs: () => clock.recentMs(),
      wallMs: () => clock.wallMs() + this.offsetMs,
      after: (delayMs, run) => clock.after(delayMs, run),
    };
  }
}

export async function startAuth(options: AuthOptions = {}): Promise<StartedAuth> {
  const wall = new WallClock();
  const machine = options.machine ?? testMachine(undefined, undefined, (clock) => wall.over(clock));
  const { clock, metrics } = machine;
  const seen = wall.over(clock);
  const authority = options.authority ?? (await newAuthority());
  const disk = options.disk ?? new MemoryDisk();
  must(await disk.makeDirectory("/etc"), "a directory");
  must(await disk.replaceFile(AUTHORITY_PATH, Buffer.from(`${authority.line}\n`)), "a file");
  const server =
    options.redis ?? new SimulatedRedis({ clock: seen, random: seededRandom(1), isEveryWriteSynced: true });
  const directory = options.directory ?? new MemoryDirectory(seededRandom(2));
  const config = { current: configWith({ producerAuthority: [AUTHORITY_PATH], ...options.config }) };
  const connect = (): Redis => server.connect({ clock, silenceMs: 5 * second });
  const redis = connect();
  const deps: AuthDeps = {
    signing: threadSigning,
    config,
    disk,
    metrics,
    directory,
    redis,
    signingKeyPath: KEY_PATH,
    connect: async () => connect(),
  };
  await clock.advance(1);
  const started = await startActor(authBehavior, deps, { machine, laterMax: 64, capacity: 64 });
  const auth = new StartedAuth({ started, server, directory, disk, authority, redis: connect() }, wall, options.stepMs);
  await auth.until(auth.redis.ready(patient));
  return auth;
}

/** As it is where nobody says anything, but for what is said here. */
export function configWith(said: Partial<AuthConfig>): AuthConfig {
  const entries = Object.entries(authConfigSchema).map(([name, field]) => [name, field.default]);
  return { ...Object.fromEntries(entries), principals: [PRINCIPAL], ...said } as AuthConfig;
}

function text(reply: RedisReply | undefined): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : String(reply);
}
