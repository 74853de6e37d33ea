/**
 * The servers that a simulated node runs: programs of its process, which take their time to begin, answer whether they serve, and end
 * with a signal or with the process. What they keep outlives them, as on a disk on which each write is made durable.
 */
import type { Clock } from "#runtime/clock.ts";
import type { ThisProcess } from "#runtime/processes.ts";
import type { Random } from "#runtime/random.ts";
import type { Life } from "#runtime/simulated/life.ts";
import { type Program, SimulatedExit, type SimulatedSelf } from "#runtime/simulated/processes.ts";
import { SimulatedRedis } from "#runtime/simulated/redis.ts";
import type { ServerName } from "#supervisor/child-spec.ts";
import type { ServerPrograms } from "#supervisor/root/servers/programs.ts";
import { SimulatedPostgres } from "#supervisor/simulated/postgres.ts";

/** Where the programs are. */
const POSTGRES_FOLDER = "/usr/lib/postgres";
const REDIS = "/usr/bin/redis-server";
/** Longest time that a server takes before it serves. */
const START_MS_MAX = 400;
/** The same where it was not told to end, and reads its log back first. */
const RECOVERY_MS_MAX = 4000;
/** Name of the socket in the directory that Postgres is told. */
const POSTGRES_SOCKET = ".s.PGSQL.5432";

export class SimulatedServers {
  readonly redis: SimulatedRedis;
  readonly postgres: SimulatedPostgres;
  readonly #random: Random;
  /** Those that run, and what kills each. */
  readonly #running = new Map<ServerName, () => void>();
  /** Those whose last life ended at once. */
  readonly #torn = new Set<ServerName>();

  constructor(clock: Clock, random: Random) {
    this.#random = random;
    this.redis = new SimulatedRedis({ clock, random, isEveryWriteSynced: true });
    this.redis.cut();
    this.postgres = new SimulatedPostgres(clock, random);
  }

  /** From here on the process of this life can run them. */
  installIn(life: Life): ServerPrograms {
    const { processes } = life.base;
    processes.install(`${POSTGRES_FOLDER}/initdb`, this.#initdb(life));
    processes.install(`${POSTGRES_FOLDER}/postgres`, (self, { args }) => {
      const [folder = ""] = args.flatMap((word) => /^unix_socket_directories="(.*)"$/.exec(word)?.slice(1) ?? []);
      this.#serve(life, self, "postgres", `${folder}/${POSTGRES_SOCKET}`);
    });
    processes.install(REDIS, this.#redisServer(life));
    // Its children go with it.
    void life.ended.then(() => {
      for (const name of ["postgres", "redis"] as const) this.#over(name);
    });
    return { postgres: () => POSTGRES_FOLDER, redis: () => REDIS };
  }

  /** SIGKILL. False where it does not run. */
  kill(name: ServerName): boolean {
    const kill = this.#running.get(name);
    kill?.();
    return kill !== undefined;
  }

  /** Nothing of it runs for so long, and nobody is told. False where it does not run. */
  stall(name: ServerName, forMs: number): boolean {
    if (!this.#running.has(name)) return false;
    this[name].stall(forMs);
    return true;
  }

  #initdb(life: Life): Program {
    return (self, { args }) => {
      const folder = args[args.indexOf("--pgdata") + 1] ?? "";
      void life.base.disk.makeDirectory(folder).then((made) => leave(self, made.ok ? 0 : 1));
    };
  }

  #redisServer(life: Life): Program {
    return (self, { args, onOutput }) => {
      const [config = ""] = args;
      if (config === "--version") {
        onOutput?.(Buffer.from("Redis server v=7.0.15 sha=00000000:0 malloc=none bits=64\n"), "stdout");
        return self.exit(0);
      }
      void life.base.disk.readFile(config).then((read) => {
        const text = read.ok ? Buffer.from(read.value).toString() : "";
        const [, socket = ""] = /^unixsocket "(.*)"$/m.exec(text) ?? [];
        this.#serve(life, self, "redis", socket);
      });
    };
  }

  #serve(life: Life, self: SimulatedSelf, name: ServerName, path: string): void {
    const { clock, network, processes } = life.base;
    const answer = Buffer.from(name === "postgres" ? "R" : "+OK\r\n+PONG\r\n");
    const end = (): void => {
      this.#torn.delete(name);
      self.exit(0);
    };
    self.onSignal("SIGTERM", end);
    self.onSignal("SIGINT", end);
    this.#running.set(name, () => void processes.children.find(({ pid }) => pid === self.pid)?.kill("SIGKILL"));
    const events = { onDrain: () => undefined, onClose: () => undefined };
    const listen = async (): Promise<void> => {
      const listening = await network.listen({ path }, (connection) => ({
        ...events,
        onBytes: () => void connection.write([answer]),
      }));
      if (!listening.ok) return;
      self.onGone(() => void listening.value.close());
      this.#up(name);
    };
    const beginsMs = this.#random.below(this.#torn.has(name) ? RECOVERY_MS_MAX : START_MS_MAX);
    // Whatever ends it from here on, unless it is told to end.
    this.#torn.add(name);
    const begins = clock.after(1 + beginsMs, () => void listen());
    self.onGone(() => {
      begins.cancel();
      this.#over(name);
    });
  }

  /** With all that it had. */
  #up(name: ServerName): void {
    if (name === "postgres") this.postgres.up();
    else this.redis.heal();
  }

  #over(name: ServerName): void {
    if (!this.#running.delete(name)) return;
    if (name === "postgres") {
      this.postgres.down();
      return;
    }
    this.redis.crash();
    this.redis.cut();
  }
}

/** Nothing comes after it that would have to be kept from running. */
function leave(self: ThisProcess, code: number): void {
  try {
    self.exit(code);
  } catch (error) {
    if (!(error instanceof SimulatedExit)) throw error;
  }
}
