/**
 * The library as its users get it: packed, installed from the tarball into an empty project, compiled against, and run
 * on every Node that it promises.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { entriesOf, readManifest, repository } from "#library/checkout.ts";
import { compile } from "#library/compile.ts";
import { LibraryProblem, readSources, type Sources } from "#library/sources.ts";
import { expected } from "#test/examples/expected.ts";
import { Consumer } from "#test/library/consumer.ts";
import { installNodes, type Nodes } from "#test/library/nodes.ts";

/** Packed, half of it what simulates a machine; a library that outgrows it has taken in what it should not have. */
const TARBALL_BYTES_MAX = 144 * 1024;

/** Programs of the pages, by the name under which they are tried, and what the pages say that they print. */
const pages = [
  ["readme.ts", "README.md", "{ ok: true, value: 2 }"],
  ["library-readme.ts", "library/README.md", "{ ok: true, value: 2 }"],
  ["testing.ts", "docs/testing.md", "200 seeds, 10 of them the same again"],
] as const;

/** Beside this file: what must not compile, and what a user's own tests do. */
const PROGRAMS = ["misuse.ts", "manual-time.ts"];

/** Programs that run on every Node, and what they print. */
const printed: readonly (readonly [program: string, lines: readonly string[]])[] = [
  ...Object.entries(expected).map(([name, lines]) => [`examples/${name}`, lines] as const),
  ...pages.map(([name, , line]) => [name, [line]] as const),
  [
    "manual-time.ts",
    [
      "lives 1 1",
      "poison: runtime.actor-crashed",
      "lives 2 2",
      "quarantined supervisor.quarantined",
      "stopped, 0 timers left",
    ],
  ],
];

interface Packed {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function pack(...args: readonly string[]): Packed {
  return spawnSync(process.execPath, [join(repository, "library", "pack.ts"), ...args], { encoding: "utf8" });
}

describe("library: the package", () => {
  let nodes: Nodes;
  let consumer: Consumer;
  let out: string;
  let tarball: string;

  before(() => {
    nodes = installNodes();
    out = mkdtempSync(join(tmpdir(), "cepa-pack-"));
    const { status, stdout, stderr } = pack("--out", out);
    assert.equal(status, 0, stderr);
    tarball = stdout.trimEnd();
    consumer = new Consumer(nodes.typeRoot);
    consumer.install(tarball);
    for (const [name, page] of pages) consumer.write(name, snippetOf(page));
    for (const name of PROGRAMS) consumer.write(name, readFileSync(join(import.meta.dirname, name), "utf8"));
  });

  after(() => {
    consumer?.[Symbol.dispose]();
    if (out !== undefined) rmSync(out, { recursive: true, force: true });
  });

  it("is the same bytes when it is made again, for others to read or not (LIB-3)", () => {
    const umask = process.umask(0o077);
    const again = pack("--out", join(out, "again"));
    process.umask(umask);

    assert.deepEqual(readFileSync(again.stdout.trimEnd()), readFileSync(tarball));
  });

  it("is small, and depends on what it imports alone (LIB-2)", () => {
    const { dependencies, engines } = JSON.parse(readFileSync(join(consumer.package, "package.json"), "utf8"));
    const installed = readdirSync(join(consumer.directory, "node_modules")).filter((name) => !name.startsWith("."));

    assert.deepEqual(dependencies, { xstate: readManifest(repository).dependencies["xstate"] });
    assert.deepEqual(installed.sort(), ["cepa", "xstate"]);
    assert.deepEqual(engines, { node: ">=22" });
    assert(readFileSync(tarball).length < TARBALL_BYTES_MAX, `${readFileSync(tarball).length} bytes`);
  });

  it("names nothing of the machine it was made on", () => {
    const names = readdirSync(join(consumer.package, "dist"), { recursive: true, encoding: "utf8" });
    const texts = names.filter((name) => /\.(js|ts)$/.test(name)).map((name) => join(consumer.package, "dist", name));

    assert(texts.length > 100);
    assert.deepEqual(
      texts.filter((path) => /#(runtime|supervisor)\/|\.ts"/.test(readFileSync(path, "utf8"))),
      [],
      "imports lead to what was compiled",
    );
    assert.deepEqual(
      texts.filter((path) => readFileSync(path, "utf8").includes(repository)),
      [],
    );
  });

  it("suits a strict compiler, and refuses every misuse, with the types of the oldest Node (LIB-1, LIB-8)", () => {
    assert.equal(consumer.typeCheck(), "");
  });

  for (const major of ["22", "24", "26"]) {
    it(`runs on Node ${major}: every entry, the examples and the programs of the pages (LIB-1)`, () => {
      const program = nodes.programs[major] ?? "";
      const entries = ["runtime", "supervisor", "testing"].map((entry) => `import "cepa/${entry}";`).join("");
      const all = consumer.run(
        program,
        "--input-type=module",
        "--eval",
        `${entries}process.stdout.write(process.version)`,
      );

      assert.match(all.stdout, new RegExp(`^v${major}\\.`), all.stderr);
      for (const [name, lines] of printed) {
        const { stdout, status, stderr } = consumer.run(program, name);
        assert.deepEqual([stdout.trimEnd().split("\n"), status], [lines, 0], stderr);
      }
    });
  }

  it("compiles against the types of the oldest Node", () => {
    compileAgainst(nodes.typeRoot, sources());
  });

  it("is not packed with what JavaScript has only had since then", () => {
    const planted = plant("export const planted: Promise<number> = Promise.try(() => 1);");

    assert.throws(() => compileAgainst(nodes.typeRoot, planted), /Property 'try' does not exist/);
  });

  it("does not compile against them with what Node has only had since then", () => {
    const planted = plant('import { mkdtempDisposableSync } from "node:fs";\nmkdtempDisposableSync("x");');

    assert.throws(() => compileAgainst(nodes.typeRoot, planted), /no exported member.*mkdtempDisposableSync/);
  });

  it("does not suit a compiler once a declaration is missing", () => {
    using incomplete = new Consumer(nodes.typeRoot);
    incomplete.install(tarball);
    const declaration = join(incomplete.package, "dist", "runtime", "ref.d.ts");
    assert(existsSync(declaration));
    rmSync(declaration);

    assert.match(incomplete.typeCheck(), /Could not find a declaration file for module '.*ref\.js'/);
  });
});

describe("library: what it is made of", () => {
  it("is runtime and supervisor, Node and xstate (LIB-2)", () => {
    const { files, packages } = sources();

    assert.deepEqual(packages, ["xstate"]);
    assert.deepEqual(
      [...files.keys()].filter((path) => !/^(runtime|supervisor)\//.test(path)),
      [],
    );
  });

  it("has no platform service in it, at run time or in its types (LIB-2)", () => {
    const actors = ["actors/gateway/actor.ts", "runtime/telemetry/exposition.ts", "runtime/real/log.ts"];
    const problems = actors.map((entry) => {
      try {
        readSources(repository, [entry]);
        return "";
      } catch (problem) {
        assert(problem instanceof LibraryProblem);
        return problem.message;
      }
    });

    assert.match(problems[0] ?? "", /actors\/gateway\/actor\.ts imports #actors\//);
    assert.match(problems[1] ?? "", /runtime\/telemetry\/exposition\.ts imports prom-client/);
    assert.match(problems[2] ?? "", /runtime\/real\/log\.ts imports pino/);
  });
});

describe("cepa pack", () => {
  it("refuses what it does not know", () => {
    const { status, stdout, stderr } = pack("--into", "x");

    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^cepa: Unknown option '--into'/);
  });
});

/** The program of a page, all parts of it. */
function snippetOf(page: string): string {
  const parts = [...readFileSync(join(repository, page), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)];
  assert(parts.length > 0, `${page} has a program`);
  return parts.map(([, part = ""]) => part).join("");
}

function sources(): Sources {
  return readSources(repository, entriesOf(readManifest(repository)));
}

/** The sources with `code` at the end of one of them. */
function plant(code: string): Sources {
  const { files, packages } = sources();
  const path = "runtime/bus.ts";
  return { files: new Map([...files, [path, `${files.get(path)}\n${code}\n`]]), packages };
}

function compileAgainst(typeRoot: string, planted: Sources): void {
  const out = mkdtempSync(join(tmpdir(), "cepa-compiled-"));
  try {
    compile({ root: repository, sources: planted, out, emit: "declarations", typeRoot });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
