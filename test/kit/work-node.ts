/**
 * A node with the cell `work`: its own Postgres, its own Redis, and an authority of producers that it trusts.
 *
 * The Redis is the node's, run by it, but for two things. It has each command on disk before it answers, so that nothing that
 * it took is lost with it, whoever kills it; and there is one more user in it, who may read everything, and tell a producer that it was let in.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { must } from "#runtime/errors.ts";
import { realClock } from "#runtime/real/clock.ts";
import { createRealRandom } from "#runtime/real/random.ts";
import { openRedis } from "#runtime/real/redis.ts";
import { openSql } from "#runtime/real/sql.ts";
import type { Redis, RedisCommand, RedisReply } from "#runtime/redis/redis.ts";
import type { Sql, SqlRow } from "#runtime/sql/sql.ts";
import { second } from "#runtime/units.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { startNode, type TestNode, temporaryDataDirectory } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { provide } from "#test/kit/provide.ts";
import { addressOf } from "#test/kit/redis.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";

/** Why there is none here; undefined where there is. */
export const workMissing: string | undefined = await provide({
  "redis-check-rdb": "redis-tools",
  "ssh-keygen": "openssh-client",
  openssl: "openssl",
});

const LOOKER = "looker";
const AUTHORITY = "producer_ca";

export class WorkNode {
  readonly node: TestNode;
  /** Where keys and certificates are made. */
  readonly directory: string;
  readonly keygen: SshKeygen;
  readonly sql: Sql;
  /** Of the one who reads everything. */
  readonly redis: Redis;
  readonly #alive: NodeJS.Timeout;

  constructor(node: TestNode, directory: string) {
    this.node = node;
    this.directory = directory;
    this.keygen = new SshKeygen(directory);
    this.sql = openSql({ url: node.ready.postgres ?? "", connectionsMax: 2, statementTimeoutMs: 10 * second });
    const { host } = new URL(this.url);
    this.redis = this.open(`redis://${LOOKER}:${LOOKER}@${host}`);
    // Timers of the runtime keep nothing alive.
    this.#alive = setInterval(() => undefined, second);
  }

  /** Where producers publish, and as whom. */
  get url(): string {
    return this.node.ready.redis ?? "";
  }

  open(url: string): Redis {
    return openRedis({ address: addressOf(url), silenceMs: 10 * second }, realClock, createRealRandom());
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** The operator certifies the key in the file `name`. */
  certify(name: string): void {
    this.keygen.certify(AUTHORITY, name, "-n", "fdc-producer");
  }

  async rows(text: string, values: readonly string[] = []): Promise<readonly SqlRow[]> {
    return must(await this.sql.query({ text, values }, patient), text);
  }

  async look(...command: RedisCommand): Promise<RedisReply> {
    return must(await this.redis.call(command, patient), command[0]);
  }

  /** What is in `events:dlq`, the oldest first: fields by name. */
  async deadLetters(): Promise<readonly ReadonlyMap<string, string>[]> {
    const entries = (await this.look("XRANGE", "events:dlq", "-", "+")) as readonly (readonly RedisReply[])[];
    return entries.map(([, fields]) => {
      const words = (fields as readonly Uint8Array[]).map((word) => Buffer.from(word).toString());
      return new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ""] as const] : [])));
    });
  }

  /** Lets in every key that waits, and tells who waits for it; answers with how many. */
  async approveThroughPostgres(): Promise<number> {
    const text = "update auth.keys set status = 'approved', approved_ms = 1 where status = 'pending' returning *";
    const approved = await this.rows(text);
    for (const { nonce, producer_id } of approved) {
      const fields = ["status", "approved", "producer_id", String(producer_id)];
      await this.look("XADD", `fdc:register:resp:${nonce}`, "*", ...fields);
    }
    return approved.length;
  }

  async dispose(): Promise<void> {
    clearInterval(this.#alive);
    await Promise.all([this.redis.close(), this.sql.close()]);
    await this.node.dispose();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** `settings` are further lines of the configuration file. */
export async function startWorkNode(settings = ""): Promise<WorkNode> {
  const directory = mkdtempSync(join(tmpdir(), "cepa-work-"));
  const dataDirectory = temporaryDataDirectory();
  new SshKeygen(directory).makeKey(AUTHORITY);
  const config = `[ingest]
enabled = true
[auth]
producerAuthority = [${JSON.stringify(join(directory, `${AUTHORITY}.pub`))}]
[redis]
port = 0
${settings}`;
  writeFileSync(join(dataDirectory, "cepa.toml"), config);
  const path = `${wrapRedis(directory)}${delimiter}${process.env["PATH"] ?? ""}`;
  return new WorkNode(await startNode({ dataDirectory, env: { PATH: path } }), directory);
}

/** Answers with a directory for the path, in which `redis-server` is the one of this machine as it is wanted here. */
function wrapRedis(directory: string): string {
  const [wrapped, inner] = [join(directory, "bin"), join(directory, "inner")];
  for (const folder of [wrapped, inner]) mkdirSync(folder);
  const program = realPrograms(process.env["PATH"] ?? "").redis(inner);
  // It is given its configuration, beside which the file of users was written anew.
  const script = `#!/bin/sh
[ "$1" = --version ] && exec '${program}' "$1"
echo 'user ${LOOKER} on >${LOOKER} ~* -@all +@read +@connection (+xadd ~fdc:register:resp:*)' >> "$(dirname "$1")/users.acl"
exec '${program}' "$1" --appendfsync always
`;
  writeFileSync(join(wrapped, "redis-server"), script, { mode: 0o755 });
  return wrapped;
}
