/**
 * One life of a connection to a Redis by `ioredis`: it opens, says who we are, serves, and ends once.
 *
 * The library never makes a connection anew here, so it can send nothing twice: one client is one socket, and what waits for
 * an answer when it ends has failed. (Left to itself its version 6.0.0 reconnects and runs an `INCR` twice whose answer was
 * lost; told not to send again, it never settles it.) Nor does it know a secret: `AUTH` is a command like others, and what
 * the library says of one is read here alone.
 *
 * Silence is counted in looks: somebody waits, and nothing has come since the last look. A process that was itself stopped for
 * long looks once, and goes on.
 */
import { isIP } from "node:net";
import { Redis as Client, Command, type RedisOptions, ReplyError } from "ioredis";
import type { Clock, Timer } from "#runtime/clock.ts";
import { Defect, fail, ok, type Result } from "#runtime/errors.ts";
import type { RedisAddress, RedisLogin } from "#runtime/redis/address.ts";
import { blockMsOf, nameOf, REDIS_UNANSWERED_BYTES_MAX, sizeBytesOf } from "#runtime/redis/commands.ts";
import { causeOf, failureOf, isElsewhere, refusalOf, unreachable } from "#runtime/redis/failures.ts";
import type { RedisCommand, RedisFailure, RedisRefused, RedisReply, RedisWord } from "#runtime/redis/redis.ts";
import type { Within } from "#runtime/ref.ts";
import { redacted } from "#runtime/telemetry/redact.ts";
import { second } from "#runtime/units.ts";

/** Longest wait for a connection that serves: its name, the network, TLS, and who we are. */
export const REDIS_CONNECT_MS: number = 5 * second;
/** Looks without anything new, while somebody waits, after which the connection is given up. */
const QUIET_LOOKS_MAX = 4;
/** Where a server bounds what its connections take, ours is not the one that is ended. It serves also where that is refused. */
const UNEVICTED: RedisCommand = ["CLIENT", "NO-EVICT", "on"];
const ABANDONED = "nobody waits for it";

export interface ConnectionOptions {
  readonly address: RedisAddress;
  /** Of a server that owes an answer; one that waits for a stream may take as much longer as it was told to wait. */
  readonly silenceMs: number;
  /** PEM: see `RedisPlace`. */
  readonly authority?: string | undefined;
  readonly clock: Clock;
  /** Called once, when it can be used no longer. `isWanted`: by whoever gave up waiting for a stream. */
  readonly onEnd: (cause: string, isWanted: boolean) => void;
}

export type Answer = Result<RedisReply, RedisFailure>;

/** A command under way, until its answer has come or can come no longer. Somebody may have stopped waiting before. */
interface Waiting {
  readonly sizeBytes: number;
  readonly blockMs: number;
  readonly answer: Promise<Answer>;
  /** The first one counts. */
  readonly settle: (answer: Answer) => void;
}

export class RedisConnection {
  /** When nothing of it is left. */
  readonly closed: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  /** In the order in which they were sent, which is that of the answers. */
  readonly #waiting = new Set<Waiting>();
  #unansweredBytes = 0;
  #isServing = false;
  #isLeaving = false;
  #isOver = false;
  /** What was said first: what follows it only says that it is so. */
  #cause: string | undefined;
  #looking: Timer | undefined;
  #quietLooks = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#client = new Client(clientOptions(options));
    // The answer to nothing is one, too: from then on answers could be those of others.
    this.#client.on("error", (error) => this.end(this.#tell(error)));
    this.#client.on("close", () => this.end("it was closed by the server"));
    this.closed = new Promise((resolve) => this.#client.once("end", resolve));
  }

  /** Once. Nothing that a caller asks for has run when it fails. */
  async open(): Promise<Result<void, RedisFailure>> {
    const { clock, address } = this.#options;
    const timer = clock.after(REDIS_CONNECT_MS, () => this.end(`no answer for ${REDIS_CONNECT_MS} ms`));
    const opened = (await this.#connect()) ? await this.#greet(address) : this.#isGone();
    timer.cancel();
    if (opened.ok) this.#isServing = true;
    else this.end(causeOf(opened.failure));
    return opened;
  }

  /** In order and in one piece. What was sent and is not answered is `maybe`. */
  async send(commands: readonly RedisCommand[], within: Within): Promise<readonly Answer[]> {
    if (within.signal.aborted) return commands.map(() => unreachable("no", ABANDONED));
    if (!this.#isServing || !this.#client.stream.writable) return commands.map(() => this.#isGone());
    const sizeBytes = commands.reduce((sum, command) => sum + sizeBytesOf(command), this.#unansweredBytes);
    if (sizeBytes > REDIS_UNANSWERED_BYTES_MAX) return commands.map(() => unreachable("no", "too much waits for it"));
    return await this.#ask(commands, within);
  }

  /** Ends it at once. `isWanted` is that of `onEnd`. */
  end(cause: string, isWanted = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isServing = false;
    const told = this.#cause ?? cause;
    this.#cause = told;
    this.#looking?.cancel();
    this.#client.disconnect();
    for (const { settle } of this.#waiting) settle(unreachable("maybe", told));
    this.#waiting.clear();
    this.#options.onEnd(told, isWanted);
  }

  async #connect(): Promise<boolean> {
    // Why it cannot was told as an event; here it is only told that it is so.
    await this.#client.connect().catch((error) => this.end(this.#tell(error)));
    if (this.#isOver) return false;
    this.#client.stream.on("data", () => {
      this.#quietLooks = 0;
    });
    return true;
  }

  async #greet({ login, database }: RedisAddress): Promise<Result<void, RedisFailure>> {
    const commands: readonly RedisCommand[] = [
      ...(login === undefined ? [] : [authOf(login)]),
      ...(database === 0 ? [] : [["SELECT", database] as const]),
      UNEVICTED,
      ["PING"],
    ];
    const answers = await this.#ask(commands, new AbortController());
    for (const [at, answer] of answers.entries()) {
      if (answer.ok) continue;
      const { failure } = answer;
      if (failure.code === "redis.unreachable") return unreachable("no", failure.cause);
      if (commands[at] === UNEVICTED) continue;
      // Only a server that serves looks whether somebody may ask that.
      const isPing = at === commands.length - 1;
      if (!(isPing && failure.kind === "NOPERM")) return fail(failure);
    }
    return ok();
  }

  async #ask(commands: readonly RedisCommand[], { signal }: Pick<Within, "signal">): Promise<readonly Answer[]> {
    const { stream } = this.#client;
    stream.cork();
    const asked = commands.map((command) => this.#write(command));
    stream.uncork();
    const onAbort = (): void => this.#abandon(asked);
    signal.addEventListener("abort", onAbort);
    try {
      return await Promise.all(asked.map(({ answer }) => answer));
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** An answer that nobody wants is passed over, but a stream that is waited for must not give entries to nobody. */
  #abandon(asked: readonly Waiting[]): void {
    const isBlocking = asked.some((waiting) => waiting.blockMs > 0 && this.#waiting.has(waiting));
    if (isBlocking) this.end(ABANDONED, true);
    for (const { settle } of asked) settle(unreachable("maybe", ABANDONED));
  }

  #write(command: RedisCommand): Waiting {
    const { promise: answer, resolve: settle } = Promise.withResolvers<Answer>();
    const [, ...words] = command;
    // In capitals the library has no opinion of its own on what an answer looks like.
    const sent = new Command(nameOf(command), words.map(argumentOf), { replyEncoding: null });
    const waiting: Waiting = { sizeBytes: sizeBytesOf(command), blockMs: blockMsOf(command) ?? 0, answer, settle };
    this.#waiting.add(waiting);
    this.#unansweredBytes += waiting.sizeBytes;
    if (this.#looking === undefined) this.#look();
    this.#client.sendCommand(sent);
    sent.promise.then(
      (reply: RedisReply) => this.#answered(waiting, ok(reply)),
      (error: unknown) => this.#refused(waiting, error),
    );
    return waiting;
  }

  #refused(waiting: Waiting, error: unknown): void {
    const line = this.#tell(error);
    // The end of the connection, which tells all that wait.
    if (!(error instanceof ReplyError)) {
      this.end(line);
      return;
    }
    const failure = failureOf(line);
    if (isElsewhere(line)) this.#leave(failure);
    this.#answered(waiting, fail(failure));
  }

  #answered(waiting: Waiting, answer: Answer): void {
    if (!this.#waiting.delete(waiting)) return;
    this.#unansweredBytes -= waiting.sizeBytes;
    waiting.settle(answer);
    if (this.#isLeaving && this.#waiting.size === 0) this.end("another server is looked for");
  }

  /** Nothing more is sent, and it ends when all that was is answered. */
  #leave(why: RedisFailure): void {
    this.#isServing = false;
    this.#isLeaving = true;
    this.#cause ??= causeOf(why);
  }

  /** Begun with the first that waits, and over when nobody does. */
  #look(): void {
    const { clock, silenceMs } = this.#options;
    const pauseMs = silenceMs / QUIET_LOOKS_MAX;
    this.#quietLooks = 0;
    const look = (): void => {
      const [next] = this.#waiting;
      this.#quietLooks += 1;
      if (next === undefined) this.#looking = undefined;
      else if (this.#quietLooks > QUIET_LOOKS_MAX + next.blockMs / pauseMs)
        this.end(`it was silent for ${silenceMs} ms`);
      else this.#looking = clock.after(pauseMs, look);
    };
    this.#looking = clock.after(pauseMs, look);
  }

  #isGone(): Result<never, RedisFailure> {
    return unreachable("no", this.#cause ?? "the connection is gone");
  }

  /** What an error of the library says, without what a server may have sent back: our secret, or those of others. */
  #tell(error: unknown): string {
    if (!(error instanceof Error)) throw new Defect(`ioredis threw what is no error: ${typeof error}`);
    const words =
      error.message === ""
        ? codeOf(error)
        : error.message.replace(/\.? (Please report this|Last (reply|error): ).*/s, "");
    const secret = this.#options.address.login?.secret;
    return secret === undefined ? words : words.replaceAll(secret, redacted);
  }
}

/** Of several attempts at once the error has no words. */
function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}

function clientOptions({ address: { place }, authority }: ConnectionOptions): Omit<RedisOptions, "replyMapping"> {
  const options: RedisOptions = {
    lazyConnect: true,
    // It sends what it is told to and nothing else, no greeting of its own, and no question whether the server is ready.
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    // Nothing is kept for a later connection, and there is none.
    enableOfflineQueue: false,
    retryStrategy: null,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // `REDIS_CONNECT_MS` is the time for all of it.
    connectTimeout: 0,
    // It does not wait for the server to say goodbye.
    disconnectTimeout: 0,
  };
  if (place.kind === "socket") return { ...options, path: place.path };
  const { host, port, isEncrypted } = place;
  if (!isEncrypted) return { ...options, host, port };
  const named = isIP(host) === 0 ? { servername: host } : {};
  const believed = authority === undefined ? {} : { ca: authority };
  return { ...options, host, port, tls: { rejectUnauthorized: true, minVersion: "TLSv1.2", ...named, ...believed } };
}

function authOf({ user, secret }: RedisLogin): RedisCommand {
  return user === undefined ? ["AUTH", secret] : ["AUTH", user, secret];
}

/** The library takes bytes for bytes only in this class. */
function argumentOf(word: RedisWord): string | number | Buffer {
  return word instanceof Uint8Array ? Buffer.from(word.buffer, word.byteOffset, word.byteLength) : word;
}

/** What an answer of `EXEC` holds in the place of one command. */
export function partOf(part: unknown): Result<RedisReply, RedisRefused> {
  return part instanceof Error ? fail(refusalOf(part.message)) : ok(part as RedisReply);
}
