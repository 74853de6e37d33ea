/** The node's own Redis, for real: its users, its log, its port, and the program that it may be. */
import assert from "node:assert/strict";

import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";

import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { describeExit, must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { findPort } from "#runtime/real/free-port.ts";
import { openRedis } from "#runtime/real/redis.ts";
import type { RedisCommand } from "#runtime/redis/redis.ts";
import { MiB } from "#runtime/units.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import {
  producerUrl,
  REDIS_CLIENTS_BYTES_MAX,
  REDIS_WORD_BYTES_MAX,
  type RedisSecrets,
  redisSecrets,
  redisServer,
  redisUrl,
} from "#supervisor/root/servers/redis-server.ts";
import type { ServerChild } from "#supervisor/server/server-child.ts";
import { patient } from "#test/kit/patient.ts";
import { find, provide } from "#test/kit/provide.ts";
import { addressOf } from "#test/kit/redis.ts";
import { ask as askRedis } from "#test/runtime/redis/kit.ts";
import { base, type Ground, ground } from "#test/supervisor/root/servers/kit.ts";

const skip = (await provide({ "redis-check-rdb": "redis-tools" })) ?? false;

const rights = { writes: ["events", "fdc:register"], reads: ["fdc:resp:*"] };

interface Stage extends Pick<Ground, "places"> {
  readonly child: ServerChild;
  readonly secrets: RedisSecrets;
  readonly port: number;
  readonly socket: string;
}

interface Choice {
  readonly data?: string;
  /** Makes one in the run directory. */
  readonly program?: (run: string) => string | undefined;
  /** Of a shell, where there is none. It is told the run directory. */
  readonly provide?: string;
}

async function stage(context: TestContext, choice: Choice = {}): Promise<Stage> {
  const { places: given, child } = await ground(context);
  const places = { ...given, data: join(given.data, choice.data ?? "") };
  await base.disk.makeDirectory(places.data);
  const secrets = await redisSecrets(base, places);
  const port = must(await findPort("127.0.0.1", 0), "a port");
  const { program = realPrograms(process.env["PATH"] ?? "").redis } = choice;
  const args = ["-c", choice.provide ?? "exit 9", "sh", places.run];
  const provide = { command: "/bin/sh", args, env: { PATH: process.env["PATH"] ?? "" } };
  const server = redisServer({ base, places, program, provide, port, memoryBytesMax: 64 * MiB, secrets, rights });
  const known = must(secrets, "the secrets");
  return { places, secrets: known, port, socket: join(places.run, "redis.sock"), child: child("redis", server) };
}

/** What it answers to lines of words, one after another on one connection; the last answer. */
async function ask(where: string | number, ...lines: readonly string[]): Promise<string> {
  const connection = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
  let answers = "";
  connection.write([...lines, "PING over", ""].join("\r\n"));
  for await (const bytes of connection) {
    answers += bytes;
    if (/\$4\r\nover\r\n|NOAUTH|NOPERM|LOADING/.test(answers)) break;
  }
  return answers;
}

describe("servers: redis", { skip }, () => {
  it("has two users, each with a password (SUP-34)", async (context) => {
    const { places, child, secrets, socket, port } = await stage(context);
    must(await child.start(), "the start");

    for (const where of [socket, port]) {
      assert.match(await ask(where, "GET a"), /^-NOAUTH/);
      assert.match(await ask(where, `AUTH default ${secrets.node}`), /^-WRONGPASS/);
      assert.match(await ask(where, `AUTH cepa ${secrets.producer}`), /^-WRONGPASS/);
      assert.match(await ask(where, `AUTH cepa ${secrets.node}`, "SET a 1"), /^\+OK\r\n\+OK/);
    }
    assert.equal(redisUrl(places, secrets), `redis+unix://cepa:${secrets.node}@${socket}`);
    assert.equal(producerUrl(port, secrets), `redis://producer:${secrets.producer}@127.0.0.1:${port}`);
    const files = ["producer.secret", "redis.conf", "users.acl"].map((name) => join(places.data, "redis", name));
    const modes = files.map((file) => statSync(file).mode & 0o777);
    assert.deepEqual(modes, [0o600, 0o600, 0o600]);
    assert(!files.some((file) => readFileSync(file, "utf8").includes(secrets.node)), "that of the node is in no file");
  });

  it("lets a producer write where it may, read its answers, and nothing else (SUP-34)", async (context) => {
    const { child, secrets, port } = await stage(context);
    must(await child.start(), "the start");
    const asProducer = (line: string): Promise<string> => ask(port, `AUTH producer ${secrets.producer}`, line);

    assert.match(await asProducer("XADD events * a 1"), /^\+OK\r\n\$\d+\r\n\d+-0/);
    assert.match(await asProducer("XADD fdc:register MAXLEN ~ 100 * a 1"), /^\+OK\r\n\$/);
    assert.match(await asProducer("XREAD COUNT 1 STREAMS fdc:resp:1 0"), /^\+OK\r\n\*-1/);
    const forbidden = [
      ...["XADD others * a 1", "XADD fdc:resp:1 * a 1", "XREAD STREAMS events 0", "XRANGE events - +", "XLEN events"],
      ...["XTRIM events MAXLEN 0", "XDEL events 1-1", "DEL events", "XREADGROUP GROUP g c STREAMS events >", "KEYS *"],
      ...["SCAN 0", "GET a", "SET a 1", "CONFIG GET *", "ACL LIST", "EVAL x 0", "FLUSHALL", "MONITOR", "SUBSCRIBE a"],
      ...[
        "XINFO STREAM fdc:resp:1",
        "TYPE fdc:resp:1",
        "EXISTS fdc:resp:1",
        "CLIENT LIST",
        "INFO",
        "SHUTDOWN",
        "WAIT 0 0",
      ],
    ];
    for (const line of forbidden) assert.match(await asProducer(line), /^\+OK\r\n-NOPERM/, line);
  });

  it("takes no word of a command that is larger than any event (SUP-34)", async (context) => {
    const { child, secrets, port } = await stage(context);
    must(await child.start(), "the start");
    const add = ["*5", "$4", "XADD", "$6", "events", "$1", "*", "$1", "a", `$${REDIS_WORD_BYTES_MAX + 1}`].join("\r\n");

    const answer = await ask(port, `AUTH producer ${secrets.producer}`, add);

    assert.match(answer, /^\+OK\r\n-ERR Protocol error: invalid bulk length/);
  });

  it("ends a connection whose command is too large while it arrives; others go on, and the node is never ended (SUP-34)", async (context) => {
    const { child, secrets, socket, port } = await stage(context);
    must(await child.start(), "the start");
    const node = openRedis(
      { address: addressOf(`redis+unix://cepa:${secrets.node}@${socket}`), silenceMs: 5000 },
      realClock,
      base.random,
    );
    context.after(() => node.close());
    must(await node.ready(patient), "a connection");
    const size = 1 * MiB;
    const word = Buffer.from(`$${size}\r\n${"x".repeat(size)}\r\n`);
    const send = async (fieldCount: number): Promise<{ readonly answer: string; readonly sentBytes: number }> => {
      const connection = connect(port, "127.0.0.1");
      const over = new Promise((resolve) => connection.once("close", resolve));
      let answer = "";
      connection.on("error", () => undefined);
      connection.on("data", (bytes) => {
        answer += bytes;
        if (/\r\n[$-]/.test(answer)) connection.end();
      });
      connection.write(
        `AUTH producer ${secrets.producer}\r\n*${3 + 2 * fieldCount}\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n`,
      );
      for (let at = 0; at < fieldCount && !connection.destroyed; at += 1) {
        connection.write("$1\r\na\r\n");
        if (!connection.write(word)) await Promise.race([once(connection, "drain").catch(() => undefined), over]);
      }
      await over;
      return { answer, sentBytes: connection.bytesWritten };
    };

    const giant = await send(2 * (REDIS_CLIENTS_BYTES_MAX / MiB));
    const lengthAfter = await askRedis(node, "XLEN", "events");
    const others = await Promise.all(Array.from({ length: 8 }, () => send(1)));
    for (let at = 0; at < 8; at += 1) await askRedis(node, "XADD", "large", "*", "a", "x".repeat(size));
    const wide = Array.from({ length: 10 }, (): RedisCommand => ["XRANGE", "large", "-", "+"]);
    const answers = await node.batch(wide, patient);

    assert.equal(giant.answer, "+OK\r\n");
    assert(giant.sentBytes < REDIS_CLIENTS_BYTES_MAX * 1.5, `${giant.sentBytes} bytes`);
    assert.equal(lengthAfter, 0);
    for (const { answer } of others) assert.match(answer, /^\+OK\r\n\$\d+\r\n\d+-\d+\r\n$/);
    assert(
      answers.every(({ ok: isAnswered }) => isAnswered),
      "80 MiB at once",
    );
  });

  it("listens on the loopback interface alone (SUP-34)", async (context) => {
    const { child, port } = await stage(context);
    must(await child.start(), "the start");

    const listening = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .filter((line) => {
        const [, local = "", , state] = line.trim().split(/\s+/);
        return state === "0A" && local.endsWith(`:${port.toString(16).toUpperCase().padStart(4, "0")}`);
      });
    assert.deepEqual(
      listening.map((line) => line.trim().split(/\s+/)[1]?.split(":")[0]),
      ["0100007F"],
    );
  });

  it("says which port another program has, and what to do (SUP-34)", async (context) => {
    const { child, port } = await stage(context);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    context.after(() => other.close());

    const started = await child.start();

    assert(!started.ok);
    assert.equal(
      describeExit(started.failure.reason),
      `another program has port ${port} of 127.0.0.1: end it, or set redis.port (CEPA_REDIS_PORT) to another port, or to 0 for a free one`,
    );
  });

  it("comes back with its users and with what it had synced after it was killed (SUP-34)", async (context) => {
    const { places, child, secrets, socket } = await stage(context);
    must(await child.start(), "the start");
    await ask(socket, `AUTH cepa ${secrets.node}`, "SET kept 42", "MULTI", "SET both 43", "XADD s * a 1", "EXEC");
    await new Promise((resolve) => setTimeout(resolve, 1200));

    const over = new Promise<void>((resolve) => child.onExit(() => resolve()));
    child.kill();
    await over;
    must(await child.start(), "the next start");

    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "GET kept"), /^\+OK\r\n\$2\r\n42/);
    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "GET both", "XLEN s"), /^\+OK\r\n\$2\r\n43\r\n:1/);
    const again = must(await redisSecrets(base, places), "those of the next start of the node");
    assert.equal(again.producer, secrets.producer);
    assert.notEqual(again.node, secrets.node);
  });

  it("writes its files again only where they would change, so that it comes back on a full disk", async (context) => {
    const { places, child, secrets, socket } = await stage(context);
    must(await child.start(), "the start");
    const paths = ["redis.conf", "users.acl"].map((name) => join(places.data, "redis", name));
    const [config = ""] = paths;
    const filesNow = (): readonly number[] => paths.map((path) => statSync(path).ino);
    const again = async (): Promise<void> => {
      const over = new Promise<void>((resolve) => child.onExit(() => resolve()));
      child.kill();
      await over;
      must(await child.start(), "the next start");
    };
    const first = filesNow();

    await again();
    const same = filesNow();
    appendFileSync(config, "maxclients 5\n");
    await again();

    assert.deepEqual(same, first);
    assert.doesNotMatch(readFileSync(config, "utf8"), /maxclients/);
    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "SET a 1"), /^\+OK\r\n\+OK/);
  });

  it("is ready when it has read its log, and not as soon as it listens", async (context) => {
    const { child, secrets, socket } = await stage(context, {
      program: (run) => {
        const program = realPrograms(process.env["PATH"] ?? "").redis(run);
        const slow = "--key-load-delay 200";
        const script = `#!/bin/sh\n[ "$1" = --version ] && exec '${program}' "$1"\nexec '${program}' "$1" ${slow}\n`;
        writeFileSync(join(run, "slow"), script, { mode: 0o755 });
        return join(run, "slow");
      },
    });
    must(await child.start(), "the start");
    const filled = await ask(
      socket,
      `AUTH cepa ${secrets.node}`,
      "EVAL \"for i=1,5000 do redis.call('SET',i,i) end\" 0",
    );
    const over = new Promise<void>((resolve) => child.onExit(() => resolve()));
    child.kill();
    await over;

    must(await child.start(), "the next start");

    assert.match(filled, /^\+OK\r\n\$-1/);
    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "GET 5000"), /^\+OK\r\n\$4\r\n5000/);
  });

  it("refuses what would go over its limit of memory, and drops nothing (SUP-34)", async (context) => {
    const { child, secrets, socket } = await stage(context);
    must(await child.start(), "the start");

    const said = await ask(
      socket,
      `AUTH cepa ${secrets.node}`,
      "CONFIG SET maxmemory 1",
      "SET a 1",
      "CONFIG GET maxmemory-policy",
    );

    assert.match(said, /-OOM .*noeviction/s);
  });

  it("takes the checker of Debian's tools for the server that it is", async (context) => {
    const { child, secrets, socket } = await stage(context, {
      program: (run) => {
        const folder = join(run, "only");
        mkdirSync(folder);
        symlinkSync(find("redis-check-rdb") ?? "", join(folder, "redis-check-rdb"));
        return realPrograms(folder).redis(run);
      },
    });

    must(await child.start(), "the start");

    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "INFO server"), /redis_version:/);
  });

  it("is brought to a machine that has none (SUP-36)", async (context) => {
    const { child, secrets, socket } = await stage(context, {
      program: (run) =>
        existsSync(join(run, "brought")) ? realPrograms(process.env["PATH"] ?? "").redis(run) : undefined,
      provide: 'touch "$1/brought"',
    });

    must(await child.start(), "the start");

    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "SET a 1"), /^\+OK\r\n\+OK/);
  });

  for (const [what, provide, said] of [
    [
      "cannot be brought",
      "echo 'Run: apt-get install redis-tools' >&2; exit 1",
      /no redis-server here: Run: apt-get install/,
    ],
    ["was brought and is not there", "true", /apt-get install redis-tools, or give redis\.url/],
  ] as const) {
    it(`says what to do where one ${what} (SUP-36)`, async (context) => {
      const { child } = await stage(context, { program: () => undefined, provide });

      const started = await child.start();

      assert(!started.ok);
      assert.match(describeExit(started.failure.reason), said);
    });
  }

  it("takes a directory with any name", async (context) => {
    const { child, secrets, socket } = await stage(context, { data: 'a "quoted" \\ name' });

    must(await child.start(), "the start");

    assert.match(await ask(socket, `AUTH cepa ${secrets.node}`, "SET a 1"), /^\+OK\r\n\+OK/);
  });

  for (const [what, script, said] of [
    ["an old version", "echo 'Redis server v=6.2.14 sha=0'", /is v=6\.2\.14; version 7\.0 or later is needed/],
    ["another program", "echo hello", /is no Redis; version 7\.0/],
    ["a program that fails", "echo broken >&2; exit 3", /exit code 3: broken/],
  ] as const) {
    it(`refuses ${what}, and says so (SUP-34)`, async (context) => {
      const { child } = await stage(context, {
        program: (run) => {
          const program = join(run, "redis-server");
          writeFileSync(program, `#!/bin/sh\n${script}\n`);
          chmodSync(program, 0o700);
          return program;
        },
      });

      const started = await child.start();

      assert(!started.ok);
      assert.match(describeExit(started.failure.reason), said);
    });
  }
});
