/** Amnesia mode before a node begins: who asks for it, what on the machine speaks against it, and where it goes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryHome } from "#runtime/config/memory-home.ts";
import { fail, must, ok } from "#runtime/errors.ts";
import { Simulation } from "#runtime/simulated/simulation.ts";
import { MiB } from "#runtime/units.ts";
import { CORE_BYTES_MAX, MEMORY_HOME_BYTES_MIN, moveToMemory } from "#supervisor/root/amnesia.ts";
import type { CannotRun } from "#supervisor/root/cannot-run.ts";
import type { Machine } from "#supervisor/root/machine.ts";
import { parseOptions, type RootOptions } from "#supervisor/root/options.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";
import { simulatedRootSeams } from "#supervisor/simulated/seams.ts";
import { fixtureCatalogue, fixtureTree } from "#test/supervisor/fixture/tree.ts";

const digest = (text: string): string => Buffer.from(text).toString("hex").padEnd(12, "0");
const facts = { dataDirectory: "/data", runtimeDirectory: undefined, userId: 0, digest };
const IN_SHM = memoryHome("/dev/shm", facts);

interface Scene {
  readonly args?: readonly string[];
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly machine?: Partial<Machine>;
  readonly seams?: Partial<RootSeams>;
  /** Of every file system. */
  readonly freeBytes?: number;
  /** Paths of files that are there before. */
  readonly files?: readonly string[];
}

interface Outcome {
  readonly options: RootOptions | undefined;
  readonly failure: CannotRun | undefined;
  /** What the launcher was asked to run. */
  readonly launched: readonly (readonly string[])[];
  readonly has: (path: string) => Promise<boolean>;
}

async function move(scene: Scene): Promise<Outcome> {
  const { args = ["--amnesia"], config, env = {}, freeBytes = MEMORY_HOME_BYTES_MIN, files = [] } = scene;
  const simulation = new Simulation(1);
  const { disk } = simulation;
  for (const directory of ["/data", "/dev/shm"]) must(await disk.makeDirectory(directory), directory);
  if (config !== undefined) must(await disk.replaceFile("/data/cepa.toml", Buffer.from(config)), "the file");
  for (const file of files) {
    must(await disk.makeDirectory(file.replace(/\/[^/]*$/, "")), file);
    must(await disk.replaceFile(file, Buffer.from("left")), file);
  }
  const life = simulation.begin();
  const launched: (readonly string[])[] = [];
  const machine: Machine = {
    isMemory: (path) => path === "/dev/shm",
    isPrivate: () => true,
    swaps: () => [],
    coreBytesMax: () => 0,
    compileCache: () => undefined,
    becomeLauncher: (given) => void launched.push(given),
    ...scene.machine,
  };
  const simulated = simulatedRootSeams({ life, tree: fixtureTree, catalogue: fixtureCatalogue });
  const self = Object.assign(Object.create(simulated.base.processes.self), { env });
  const space = async () => ok({ freeBytes, totalBytes: freeBytes });
  const base = {
    ...simulated.base,
    disk: { ...simulated.base.disk, space },
    processes: { ...simulated.base.processes, self },
  };
  const seams: RootSeams = { ...simulated, base, digest, ...scene.seams };
  const parsed = must(parseOptions(["--data", "/data", ...args], {}), "the arguments");
  assert(parsed !== "help");
  const moved = await simulation.until(moveToMemory(parsed, { seams, machine, tree: fixtureTree, args }));
  return {
    options: moved.ok ? moved.value : undefined,
    failure: moved.ok ? undefined : moved.failure,
    launched,
    has: async (path) => (await disk.readFile(path)).ok,
  };
}

describe("amnesia: who asks (AMN-3)", () => {
  for (const [what, scene, expected] of [
    ["the command line", {}, true],
    ["the configuration", { args: [], config: "[node]\namnesia = true\n" }, true],
    ["the environment", { args: [], env: { CEPA_NODE_AMNESIA: "true" } }, true],
    ["the command line, over a file that does not", { config: "[node]\namnesia = false\n" }, true],
    ["nobody", { args: [] }, false],
  ] as const) {
    it(`may be ${what}: ${expected}`, async () => {
      const { options } = await move(scene);

      assert(options !== undefined);
      const { amnesia, dataDirectory, namedDirectory } = options;
      assert.deepEqual(
        { amnesia, dataDirectory, namedDirectory },
        { amnesia: expected, dataDirectory: expected ? IN_SHM : "/data", namedDirectory: "/data" },
      );
    });
  }

  it("is not guessed from a file that cannot be understood: nothing begins", async () => {
    const broken = await move({ args: [], config: "[node]\namnesia = tru\n" });
    const unknown = await move({ args: [], config: "[node]\namnesi = true\n" });

    assert.equal(broken.failure?.code, "config.unreadable");
    assert.equal(unknown.failure?.code, "config.invalid");
    assert.match(unknown.failure?.message ?? "", /node\.amnesi is not a setting; did you mean amnesia\?/);
  });
});

describe("amnesia: what speaks against it (AMN-4)", () => {
  it("is swap on a disk, unless it is allowed by name", async () => {
    const swaps = (): readonly string[] => ["/dev/sda2"];

    const refused = await move({ machine: { swaps } });
    const allowed = await move({ machine: { swaps }, config: "[node]\nallowSwap = true\n" });

    assert.equal(refused.failure?.code, "supervisor.amnesia-refused");
    assert.match(refused.failure?.message ?? "", /swap \(\/dev\/sda2\); swapoff it, or set node\.allowSwap = true/);
    assert.equal(allowed.options?.amnesia, true);
  });

  for (const [what, scene] of [
    ["core dumps", { machine: { coreBytesMax: () => CORE_BYTES_MAX } }],
    ["a compile cache on a disk", { machine: { compileCache: () => "/home/me/.cache" } }],
    ["what the environment has Node write", { env: { NODE_V8_COVERAGE: "/tmp/x" } }],
  ] as const satisfies readonly (readonly [string, Scene])[]) {
    it(`is ${what}: the launcher begins anew without, once`, async () => {
      const args = ["--http", "127.0.0.1:0"];
      const env = "env" in scene ? scene.env : {};
      const first = await move({ ...scene, args, config: "[node]\namnesia = true\n" });
      const second = await move({ ...scene, env: { ...env, CEPA_PREPARED: "amnesia" } });

      assert.deepEqual(first.launched, [[...args, "--amnesia"]]);
      assert.deepEqual(second.launched, []);
      assert.equal(second.failure?.code, "supervisor.amnesia-refused");
    });
  }

  it("is nothing of that just below the limit, or in memory", async () => {
    const machine = { coreBytesMax: () => CORE_BYTES_MAX - 1, compileCache: () => "/dev/shm" };

    const { options, launched } = await move({ machine });

    assert.deepEqual([options?.amnesia, launched], [true, []]);
  });

  it("is that there is no memory to go to: every place is named, with the reason", async () => {
    const none = await move({ machine: { isMemory: () => false } });
    const small = await move({ freeBytes: MEMORY_HOME_BYTES_MIN - 1 });
    const others = await move({
      seams: {
        ensurePrivateDirectory: (path) => fail({ code: "disk.not-private", path, cause: "it belongs to user 7" }),
      },
    });

    const wanted = `mount a tmpfs of at least ${MEMORY_HOME_BYTES_MIN / MiB} MiB there`;
    for (const [{ failure }, reason] of [
      [none, "/data: not in memory; /dev/shm: not in memory"],
      [small, "/dev/shm: only 319 MiB free"],
      [others, "/dev/shm: it belongs to user 7"],
    ] as const) {
      assert.equal(failure?.code, "supervisor.amnesia-refused");
      assert(failure.message.includes(reason) && failure.message.includes(wanted), failure.message);
    }
  });

  it("is not asked of a node that keeps what it has", async () => {
    const machine = { swaps: () => ["/dev/sda2"], coreBytesMax: () => Number.POSITIVE_INFINITY, isMemory: () => false };

    const { options, launched } = await move({ args: [], machine });

    assert.deepEqual([options?.amnesia, launched], [false, []]);
  });
});

describe("amnesia: where it goes", () => {
  it("is the data directory's own file system, where that is in memory", async () => {
    const { options } = await move({ machine: { isMemory: () => true } });

    assert.equal(options?.dataDirectory, memoryHome("/data", facts));
  });

  it("is rid of what killed nodes have left, and of nothing else", async () => {
    const left = [`${IN_SHM}/packs/1`, "/dev/shm/cepa-amnesia-0-ffffffffffff/packs/1"];
    const kept = ["/dev/shm/cepa-amnesia-7-ffffffffffff/packs/1", "/dev/shm/other/1"];

    const { has } = await move({ files: [...left, ...kept] });

    assert.deepEqual(await Promise.all([...left, ...kept].map(has)), [false, false, true, true]);
  });

  it("is not rid of what somebody else has laid under such a name", async () => {
    const file = "/dev/shm/cepa-amnesia-0-ffffffffffff/packs/1";

    const { has } = await move({ files: [file], machine: { isPrivate: () => false } });

    assert.equal(await has(file), true);
  });
});
