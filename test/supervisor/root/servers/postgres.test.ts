/** The node's own Postgres, for real: made, asked, killed, left behind by its parent, and run by who is not root. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { describeExit, must } from "#runtime/errors.ts";
import { KiB } from "#runtime/units.ts";
import { realPrograms } from "#supervisor/root/real-programs.ts";
import { postgresServer, postgresUrl } from "#supervisor/root/servers/postgres-server.ts";
import type { ServerChild } from "#supervisor/server/server-child.ts";
import { NOBODY } from "#test/kit/nobody.ts";
import { eventually } from "#test/kit/node.ts";
import { base, type Ground, ground } from "#test/supervisor/root/servers/kit.ts";
import { ask } from "#test/supervisor/root/servers/postgres-wire.ts";

const isRoot = process.getuid?.() === 0;
const programs = realPrograms("").postgres;

interface Stage extends Pick<Ground, "places"> {
  readonly child: ServerChild;
  ask(sql: string): Promise<readonly string[]>;
}

async function stage(context: TestContext): Promise<Stage> {
  const { places, child } = await ground(context);
  const program = postgresServer({ base, places, userId: process.getuid?.() ?? 0, programs });
  return { places, child: child("postgres", program), ask: (sql) => ask(join(places.run, ".s.PGSQL.5432"), sql) };
}

/** Processes whose command line names `path`. */
function processesAt(path: string): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "latin1").includes(path);
    } catch {
      return false;
    }
  });
}

/** Files that these processes share memory by, without their numbers: those of `/dev/shm` outlive whoever made them. */
function sharedBy(processes: readonly string[]): readonly string[] {
  const maps = processes.map((id) => readFileSync(`/proc/${id}/maps`, "latin1")).join("");
  const paths = [...maps.matchAll(/(?:\/dev\/shm\/|\/\S+\/pg_dynshmem\/)\S+/g)].map(([path]) =>
    path.replace(/\.\d+$/, ".*"),
  );
  return [...new Set(paths)];
}

describe("servers: postgres", () => {
  it("makes its cluster at the first start, syncs what it commits, and listens on no port (SUP-33)", async (context) => {
    const { places, child, ask } = await stage(context);

    must(await child.start(), "the first start");

    const settings = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses"];
    const said = await ask(`select ${settings.map((name) => `current_setting('${name}')`).join()}`);
    assert.deepEqual(said, ["on", "on", "on", "on", ""]);
    assert.equal(postgresUrl(places), `postgresql://cepa@/postgres?host=${encodeURIComponent(places.run)}`);
  });

  it("is killed with all that it started, and comes back with what was committed (SUP-33)", async (context) => {
    const { places, child, ask } = await stage(context);
    must(await child.start(), "the first start");
    await ask("create table kept as select 42 as answer");
    const held = ask("select pg_sleep(60)").catch(() => "cut off");

    const exits: string[] = [];
    child.onExit((reason) => exits.push(describeExit(reason)));
    child.kill();

    await eventually(5000, "the end is told", () => exits.length === 1);
    assert.deepEqual(processesAt(places.data), []);
    assert.equal(await held, "cut off");
    must(await child.start(), "the next start");
    assert.deepEqual(await ask("select answer from kept"), ["42"]);
  });

  it("leaves nothing in the memory of the machine where it is killed, and its successor nothing of it (SUP-33)", async (context) => {
    const { places, child, ask } = await stage(context);
    const shared = join(places.data, "postgres", "cluster", "pg_dynshmem");
    const sizeBytes = (): number =>
      readdirSync(shared).reduce((sum, name) => sum + statSync(join(shared, name)).size, 0);
    must(await child.start(), "the first start");
    await ask("set debug_parallel_query = on; select count(*) from pg_class");

    assert.deepEqual(sharedBy(processesAt(places.data)), [join(shared, "mmap.*")]);
    assert(sizeBytes() < 64 * KiB, `${sizeBytes()} bytes are in ${shared}`);
    const former = readdirSync(shared);
    const exits: string[] = [];
    child.onExit((reason) => exits.push(describeExit(reason)));
    child.kill();
    await eventually(5000, "the end is told", () => exits.length === 1);
    assert.deepEqual(readdirSync(shared), former);

    must(await child.start(), "the next start");
    assert.equal(readdirSync(shared).length, 1);
    assert.notDeepEqual(readdirSync(shared), former);
    await child.stop();
    assert.deepEqual(readdirSync(shared), []);
  });

  it("stops in order, with a client that is at work (SUP-33)", async (context) => {
    const { places, child, ask } = await stage(context);
    must(await child.start(), "the first start");
    const held = ask("select pg_sleep(60)").catch(() => "cut off");
    const others = "select count(*) from pg_stat_activity where query like '%sleep(60)%'";
    await eventually(5000, "the client is at work", async () => (await ask(others))[0] === "2");

    await child.stop();

    assert.equal(await held, "cut off");
    // Only who ended in order has removed it.
    assert(!existsSync(join(places.data, "postgres", "cluster", "postmaster.pid")));
  });

  it("begins anew where making the cluster was interrupted (SUP-33)", async (context) => {
    const { places, child, ask } = await stage(context);
    mkdirSync(join(places.data, "postgres", "new", "base"), { recursive: true });

    must(await child.start(), "the start");

    assert.deepEqual(await ask("select 1"), ["1"]);
    assert(!existsSync(join(places.data, "postgres", "new")));
  });

  it("says why it cannot make one", async (context) => {
    const { places, child } = await stage(context);
    mkdirSync(join(places.data, "postgres", "cluster"), { recursive: true });

    const started = await child.start();

    assert(!started.ok);
    assert.match(describeExit(started.failure.reason), /is not a valid data directory|PG_VERSION|No such file/);
  });

  it("ends when its parent is killed (SUP-33)", async (context) => {
    const { places } = await ground(context);
    const parent = spawn(process.execPath, [join(import.meta.dirname, "postgres-main.ts"), places.data, places.run]);
    await ready(parent);
    assert.notDeepEqual(processesAt(`${places.data}/postgres/cluster`), []);

    parent.kill("SIGKILL");

    await eventually(2000, "nothing remains", () => processesAt(`${places.data}/postgres/cluster`).length === 0);
  });

  it("runs for who is not root, and stops (SUP-33)", {
    skip: isRoot ? false : "only root can be somebody else",
  }, async (context) => {
    const { places } = await ground(context);
    for (const place of [join(places.data, ".."), ...Object.values(places)]) chownSync(place, NOBODY, NOBODY);
    // Where the project lies may be closed to others. Seen from a mount of its own, it is open.
    const project = join(import.meta.dirname, "../../../..");
    const seen = join(places.run, "..", "project");
    mkdirSync(seen);
    const main = [process.execPath, join(import.meta.dirname, "postgres-main.ts")];
    const inSeen = main.map((path) => (path.startsWith(project) ? path.replace(project, seen) : path));
    const as = ["setpriv", "--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
    const script = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"';
    const shell = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", project, seen];
    const parent = spawn("unshare", [...shell, ...as, ...inSeen, places.data, places.run]);
    await ready(parent);
    assert.deepEqual(await ask(join(places.run, ".s.PGSQL.5432"), "select 1"), ["1"]);

    parent.stdin.end();

    await eventually(5000, "it has stopped", () => parent.exitCode === 0);
  });
});

async function ready(parent: ChildProcess): Promise<void> {
  let said = "";
  parent.stdout?.on("data", (bytes: Buffer) => {
    said += bytes;
  });
  parent.stderr?.on("data", (bytes: Buffer) => {
    said += bytes;
  });
  await eventually(20_000, "it serves", () => {
    assert.equal(parent.exitCode, null, said);
    return said.includes("ready");
  });
}
