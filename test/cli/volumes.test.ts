/** `cepa volumes` and `cepa repair` against a node that says what the test wants. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { GiB, KiB, MiB } from "#runtime/units.ts";
import { startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const repair = {
  state: "idle",
  delayedUntil: null,
  backlogCount: 0,
  backlogBytes: 0,
  atRiskBytes: 0,
  lostCount: 0,
  repairedCount: 9,
  repairedBytes: 3 * MiB,
  failedCount: 0,
  bytesPerSecond: 0,
  etaMs: null,
};
const running = {
  ...repair,
  state: "running",
  backlogCount: 12,
  backlogBytes: 40 * MiB,
  atRiskBytes: 8 * MiB,
  failedCount: 1,
  bytesPerSecond: 512 * KiB,
  etaMs: 80_000,
};
const lost = { ...running, lostCount: 12 };
const sizes = { packBytes: 1 * GiB, freeBytes: 2 * GiB, totalBytes: 4 * GiB };
const present = { directory: "/mnt/a", id: "0011223344556677", state: "present", problem: null, ...sizes };
const absent = { ...present, directory: "/mnt/bb", state: "absent", problem: "Its disk is not mounted." };
const never = { ...present, directory: "/mnt/c", id: "", state: "foreign", packBytes: 0, freeBytes: 0, totalBytes: 0 };

async function run(volumes: readonly unknown[], ...args: readonly string[]): Promise<Ran> {
  node.volumes = volumes;
  node.orders.length = 0;
  return await cepa([...args, "--url", node.url]);
}

function facts(of: unknown, volumes: readonly unknown[] = [present]): unknown {
  return { volumes, profile: "2+1", repair: of };
}

function lines({ stdout }: Ran): readonly unknown[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("cli: volumes", () => {
  it("is a table, with what is wrong with a volume below it, and fails where one is not present", async () => {
    const ran = await run([facts(repair, [present, absent, never])], "volumes");

    assert.deepEqual(ran.stdout.split("\n"), [
      "/mnt/a   0011223344556677  present  1.0 GiB used  2.0 GiB of 4.0 GiB free",
      "/mnt/bb  0011223344556677  absent   1.0 GiB used  2.0 GiB of 4.0 GiB free when last seen",
      "  Its disk is not mounted.",
      "/mnt/c   no id yet         foreign  0 B used",
      "profile 2+1",
      "",
    ]);
    const said = "cepa: cli.volume-not-present: 2 of 3 volumes: /mnt/bb is absent, /mnt/c is foreign\n";
    assert.deepEqual([ran.code, ran.stderr], [1, said]);
  });

  it("names those that are on one file system", async () => {
    const on = (directory: string, fileSystem: unknown) => ({ ...present, directory, fileSystem });
    const four = [
      on("/mnt/a", "801"),
      on("/mnt/b", "802"),
      on("/mnt/c", "801"),
      on("/mnt/d", null),
      on("/mnt/e", null),
    ];

    const ran = await run([facts(repair, four)], "volumes");

    const said = ran.stdout.trimEnd().split("\n").at(-1);
    assert.equal(
      said,
      "/mnt/a, /mnt/c: on one file system, which fills up and fails as one; give each a disk of its own",
    );
    assert.equal(ran.code, 0);
  });

  it("is done where all are present", async () => {
    const ran = await run([facts(repair)], "volumes");

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
  });

  it("passes on as JSON what the node says, and fails all the same", async () => {
    const said = facts(repair, [present, absent]);

    const ran = await run([said], "volumes", "--json");

    assert.deepEqual(lines(ran), [said]);
    assert.equal(ran.code, 1);
  });

  it("says plainly that there are none, and how to get some", async () => {
    const ran = await run([facts(repair, [])], "volumes");

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.match(ran.stdout, /^no volumes: /);
    assert.match(ran.stdout, /storage\.volumes/);
  });

  for (const command of ["volumes", "repair"]) {
    it(`takes no other server's JSON for facts (${command})`, async () => {
      const ran = await run([{ hello: "world" }], command);

      assert.deepEqual([ran.code, ran.stdout], [1, ""]);
      assert.match(ran.stderr, /^cepa: cli\.bad-answer: /);
    });
  }
});

describe("cli: repair", () => {
  it("says that nothing is to be done", async () => {
    const ran = await run([facts(repair)], "repair");

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.deepEqual(ran.stdout.split("\n"), [
      "state     idle",
      "backlog   nothing",
      "at risk   nothing",
      "lost      nothing",
      "repaired  9, 3.0 MiB, since the node started",
      "",
    ]);
  });

  it("says how far it is, and fails where something is lost", async () => {
    const ran = await run([facts(lost)], "repair");

    assert.deepEqual(ran.stdout.split("\n"), [
      "state     running",
      "backlog   12 chunks and manifests, 40.0 MiB",
      "at risk   8.0 MiB, which the next lost volume may take with it",
      "lost      12 chunks and manifests",
      "repaired  9, 3.0 MiB, since the node started",
      "failed    1 attempts, since the node started: the log says why",
      "rate      512.0 KiB/s",
      "left      about 80 s",
      "",
    ]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: cli\.not-repairable: .* 12 chunks or manifests: .*cepa volumes/);
  });

  it("says until when a volume is waited for, and what is not counted yet", async () => {
    const delayed = { ...repair, state: "delayed", delayedUntil: "2026-01-02T00:00:00.000Z" };

    const ran = await run([facts(delayed)], "repair");

    assert.match(ran.stdout, /^state +delayed until 2026-01-02T00:00:00\.000Z$/m);
    assert.match(ran.stdout, /^not counted +what is on volumes that are waited for: /m);
    for (const row of ["backlog", "at risk", "lost"]) {
      assert.match(ran.stdout, new RegExp(`^${row} +nothing counted yet$`, "m"));
    }
  });

  for (const order of ["now", "pause", "resume"]) {
    it(`gives the order --${order}, and is done when the node has taken it`, async () => {
      const ran = await run([facts(lost)], "repair", `--${order}`, "--json");

      assert.deepEqual([ran.code, ran.stderr], [0, ""]);
      assert.deepEqual([lines(ran), node.orders], [[lost], [order]]);
    });
  }

  it("gives no order by itself", async () => {
    await run([facts(repair)], "repair");

    assert.deepEqual(node.orders, []);
  });

  for (const flags of ["--now --pause", "--now --resume", "--pause --resume", "--pause --watch"]) {
    it(`refuses ${flags} at once`, async () => {
      const ran = await run([facts(repair)], "repair", ...flags.split(" "));

      assert.deepEqual([ran.code, ran.stdout, node.orders], [2, "", []]);
      assert.match(ran.stderr, /cannot be used with/);
    });
  }
});

describe("cli: repair --watch", () => {
  const half = { ...running, backlogCount: 6, backlogBytes: 20 * MiB };

  it("prints one table when it is idle, and draws nothing where nobody watches", async () => {
    const ran = await run([facts(running), facts(half), facts(repair)], "repair", "--watch");

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.match(ran.stdout, /^state {5}idle\n/);
    assert.equal(ran.stdout.match(/state/g)?.length, 1);
  });

  it("prints a line of JSON for every change, and the last one is the end", async () => {
    const seen = [facts(running), facts(running), facts(half), facts(repair)];

    const ran = await run(seen, "repair", "--watch", "--json");

    assert.deepEqual([ran.code, ran.stderr], [0, ""]);
    assert.deepEqual(lines(ran), [running, half, repair]);
  });

  it("gives the order first, and fails when all that is left is lost", async () => {
    const ran = await run([facts(running), facts(lost)], "repair", "--now", "--watch", "--json");

    assert.deepEqual(node.orders, ["now"]);
    assert.deepEqual(lines(ran), [running, lost]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^\{"error":\{"code":"cli\.not-repairable",/);
  });

  it("fails when all that is left has to wait, and says for what", async () => {
    const left = { ...running, state: "waiting" };
    const ran = await run([facts(running), facts(left)], "repair", "--watch", "--json");

    assert.deepEqual(lines(ran), [running, left]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^\{"error":\{"code":"cli\.repair-waiting",.*cepa volumes/);
    // What is lost is worse.
    const some = await run([facts({ ...left, lostCount: 1 })], "repair", "--watch", "--json");
    assert.match(some.stderr, /^\{"error":\{"code":"cli\.not-repairable",/);
  });
});
