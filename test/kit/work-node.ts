/**
 * A node with the cell `work`, as `cepa auth init` has it: its own Postgres, its own Redis, and authorities that it trusts.
 *
 * The Redis is the node's, run by it, but for two things. It has each command on disk before it answers, so that nothing that
 * it took is lost with it, whoever kills it; and there is one more user in it, who may read everything and change nothing.
 * With servers of the test's own (`outer-servers.ts`) the node runs none.
 */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
import { cepa } from "#test/cli/run.ts";
import { eventually, startNode, type TestNode } from "#test/kit/node.ts";
import { patient } from "#test/kit/patient.ts";
import { provide } from "#test/kit/provide.ts";
import { addressOf } from "#test/kit/redis.ts";
import { SshKeygen } from "#test/kit/ssh-keygen.ts";

/** What signs the certificates of producers. */
const AUTHORITY = "producer_ca";
/** Name and password of the other user. */
const LOOKER = "looker";

/** Why there is none here; undefined where there is. */
export const workMissing: string | undefined = await provide({
  "redis-check-rdb": "redis-tools",
  "ssh-keygen": "openssh-client",
  openssl: "openssl",
});

export type PartKind = "cell" | "server";

/** Where a test reaches the servers of a node, each as a URL. */
export interface WorkServers {
  readonly producers: string;
  /** As somebody who may read everything. */
  readonly looker: string;
  readonly postgres: string;
}

export class WorkNode {
  readonly node: TestNode;
  /** Where keys and certificates are: what `cepa auth init` has written, and those of producers. */
  readonly directory: string;
  /** Where producers publish, and as whom. */
  readonly url: string;
  readonly keygen: SshKeygen;
  readonly sql: Sql;
  /** Of the one who reads everything. */
  readonly redis: Redis;
  readonly #alive: NodeJS.Timeout;

  constructor(node: TestNode, directory: string, servers: WorkServers = ownServersOf(node)) {
    this.node = node;
    this.directory = directory;
    this.url = servers.producers;
    this.keygen = new SshKeygen(directory);
    this.sql = openSql({ url: servers.postgres, connectionsMax: 2, statementTimeoutMs: 10 * second });
    this.redis = this.open(servers.looker);
    // Timers of the runtime keep nothing alive.
    this.#alive = setInterval(() => undefined, second);
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

  /** As soon as Redis serves. */
  async look(...command: RedisCommand): Promise<RedisReply> {
    must(await this.redis.ready(patient), "a connection");
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

  /** The operator lets in every key that waits; answers with how many. */
  async approvePending(): Promise<number> {
    const asked = ["--admin", this.directory, "--data", this.node.dataDirectory, "--json"];
    const listed = await cepa(["auth", "pending", ...asked]);
    assert.equal(listed.code, 0, listed.stderr);
    const keys = listed.stdout.split("\n").filter((line) => line !== "");
    for (const key of keys) {
      const { fingerprint } = JSON.parse(key) as { readonly fingerprint: string };
      const approved = await cepa(["auth", "approve", fingerprint, ...asked]);
      assert.equal(approved.code, 0, approved.stderr);
    }
    return keys.length;
  }

  /** 0 while it does not run. */
  async pidOf(kind: PartKind, name: string): Promise<number> {
    const { cells, servers } = await this.node.status();
    const found = (kind === "cell" ? cells : servers).find((row) => row.name === name);
    return found?.state === "running" ? found.pid : 0;
  }

  /** As `cepa kill` does; comes back when another one runs. */
  async kill(kind: PartKind, name: string): Promise<void> {
    const killed = await this.pidOf(kind, name);
    assert.equal((await this.node.admin("kill", `${kind}/${name}`))["ok"], true);
    await eventually(30_000, `${kind}/${name} lives again`, async () => {
      const pid = await this.pidOf(kind, name);
      return pid !== 0 && pid !== killed;
    });
  }

  /** What it kept is still there, for the next node. */
  async stop(): Promise<void> {
    await this.letGo();
    await this.node.stop();
  }

  async dispose(): Promise<void> {
    await this.letGo();
    await this.node.dispose();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The node stays; nothing of this is connected to it any more. */
  async letGo(): Promise<void> {
    clearInterval(this.#alive);
    await Promise.all([this.redis.close(), this.sql.close()]);
  }
}

export async function startWorkNode(): Promise<WorkNode> {
  const directory = await makeTrust();
  const config = join(directory, "cepa.toml");
  appendFileSync(config, "\n[redis]\nport = 0\n");
  const path = `${wrapRedis(directory)}${delimiter}${process.env["PATH"] ?? ""}`;
  return new WorkNode(await startNode({ args: ["--config", config], env: { PATH: path } }), directory);
}

/** What `cepa auth init` makes, in a directory of its own unless there is one for it. */
export async function makeTrust(directory: string = mkdtempSync(join(tmpdir(), "cepa-work-"))): Promise<string> {
  const made = await cepa(["auth", "init", "--out", directory]);
  assert.equal(made.code, 0, made.stderr);
  return directory;
}

function ownServersOf({ ready: { redis = "", postgres = "" } }: TestNode): WorkServers {
  const { host } = new URL(redis);
  return { producers: redis, looker: `redis://${LOOKER}:${LOOKER}@${host}`, postgres };
}

/** Answers with a directory for the path, in which `redis-server` is the one of this machine as it is wanted here. */
export function wrapRedis(directory: string): string {
  const [wrapped, inner] = [join(directory, "bin"), join(directory, "inner")];
  for (const folder of [wrapped, inner]) mkdirSync(folder);
  const program = realPrograms(process.env["PATH"] ?? "").redis(inner);
  // It is given its configuration, beside which the file of users was written anew.
  const script = `#!/bin/sh
[ "$1" = --version ] && exec '${program}' "$1"
echo 'user ${LOOKER} on >${LOOKER} ~* -@all +@read +@connection' >> "$(dirname "$1")/users.acl"
exec '${program}' "$1" --appendfsync always
`;
  writeFileSync(join(wrapped, "redis-server"), script, { mode: 0o755 });
  return wrapped;
}
