/** `cepa get -r` of trees that somebody hostile has made: nothing outside the directory is touched. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { decodeTree, encodeTree, TREE_DEPTH_MAX, type TreeEntry } from "#client/tree.ts";
import { addressOf, startFakeNode } from "#test/cli/fake-node.ts";
import { cepa, type Ran } from "#test/cli/run.ts";

const node = await startFakeNode();
after(() => node[Symbol.asyncDispose]());

const manifest = "ab".repeat(32);
const hello = Buffer.from("hello");

/** At the node, under its own address or under another. */
function keep(
  bytes: Uint8Array,
  address: string = addressOf(bytes),
): { address: string; manifest: string; size: number } {
  node.objects.set(address, Buffer.from(bytes));
  return { address, manifest, size: bytes.length };
}

const file = (name: string, over = {}): TreeEntry => ({ kind: "file", name, mode: 0o644, ...keep(hello), ...over });
const link = (name: string, target: string): TreeEntry => ({ kind: "symlink", name, target });
const directory = (name: string, ...entries: readonly TreeEntry[]): TreeEntry => {
  return { kind: "dir", name, mode: 0o755, ...keep(encodeTree({ entries })) };
};
const tree = (...entries: readonly TreeEntry[]): string => keep(encodeTree({ entries })).address;

/** Fetches into `out` of a folder of its own, beside `outside`, which must stay as it is. */
async function get(
  name: string,
  address: string,
  args: readonly string[] = [],
): Promise<Ran & { readonly cwd: string }> {
  const cwd = join(node.directory, name);
  mkdirSync(join(cwd, "outside"), { recursive: true });
  writeFileSync(join(cwd, "outside", "kept"), "as it was");
  const ran = await cepa(["get", "-r", address, "-o", "out", "--url", node.url, ...args], { cwd });
  assert.deepEqual(readdirSync(join(cwd, "outside")), ["kept"]);
  assert.equal(readFileSync(join(cwd, "outside", "kept"), "utf8"), "as it was");
  return { ...ran, cwd };
}

/** What `out` holds before the get. */
function prepare(name: string, make: (out: string) => void): void {
  const out = join(node.directory, name, "out");
  mkdirSync(out, { recursive: true });
  make(out);
}

describe("cli: get -r of a hostile tree", () => {
  for (const name of ["../outside/kept", "/tmp/cepa-escaped", "..", ".", "a/b", "a\0b", ""]) {
    it(`refuses the name ${JSON.stringify(name)}, and writes nothing`, async () => {
      const ran = await get(`name-${Buffer.from(name).toString("hex")}`, tree(file(name)));

      assert.equal(ran.code, 1);
      assert.match(
        ran.stderr,
        /^cepa: cli\.tree-refused: .* is no tree that is taken here: bad-name \(a file is fetched without -r\)\n$/,
      );
      assert(!existsSync(join(ran.cwd, "out")));
    });
  }

  it("refuses one further down, and keeps to the directory", async () => {
    const ran = await get("below", tree(file("a"), directory("b", file("../../outside/kept"))));

    assert.match(ran.stderr, /^cepa: cli\.tree-refused: [^\n]*bad-name\n$/);
    assert.deepEqual(readdirSync(join(ran.cwd, "out", "b")), []);
  });

  it("makes links, wherever they lead, and follows none", async () => {
    const ran = await get("links", tree(link("a", "../outside"), link("b", "/etc/passwd"), link("c", "nowhere")));

    assert.equal(ran.code, 0);
    assert.deepEqual(
      ["a", "b", "c"].map((name) => readlinkSync(join(ran.cwd, "out", name))),
      ["../outside", "/etc/passwd", "nowhere"],
    );
  });

  it("enters no directory that is a link to one: not one that was there, not one that another tree made", async () => {
    await get("entered", tree(link("sub", "../outside")));
    const again = await get("entered", tree(directory("sub", file("kept"))));

    assert.equal(again.code, 1);
    assert.match(again.stderr, /^cepa: cli\.file-exists: .*\/sub: a link is in the way\n$/);
  });

  it("writes no file through a link", async () => {
    prepare("through", (out) => symlinkSync("../outside/kept", join(out, "a")));

    const ran = await get("through", tree(file("a")));

    assert.match(ran.stderr, /^cepa: cli\.file-exists: .*\/a: a link is in the way\n$/);
  });

  it("writes no part through a link", async () => {
    const address = tree(file("a"));
    prepare("parts", (out) => symlinkSync("../outside", join(out, `.cepa-part-${address.slice(3, 19)}`)));

    const ran = await get("parts", address);

    assert.match(ran.stderr, /^cepa: cli\.file-exists: .*: a link is in the way\n$/);
  });

  it("needs a directory, or nothing, where it is to write", async () => {
    prepare("into-file", (out) => symlinkSync("outside/kept", `${out}/../target`));

    const ran = await get("into-file", tree(file("a")), ["-o", "target"]);

    assert.deepEqual([ran.code, ran.stderr], [1, "cepa: cli.file-exists: target: a file is in the way\n"]);
  });

  it("removes no directory for a file or a link, and no file for a directory", async () => {
    for (const [index, entry] of [file("a"), link("a", "b")].entries()) {
      prepare(`way-${index}`, (out) => mkdirSync(join(out, "a")));
      const ran = await get(`way-${index}`, tree(entry));
      assert.match(ran.stderr, /a directory is in the way\n$/);
    }
    prepare("way-2", (out) => writeFileSync(join(out, "a"), "mine"));
    const ran = await get("way-2", tree(directory("a")));

    assert.match(ran.stderr, /a file is in the way\n$/);
    assert.equal(readFileSync(join(ran.cwd, "out", "a"), "utf8"), "mine");
  });

  it("keeps nothing under its name whose bytes or length are not what the tree says", async () => {
    const other = addressOf(Buffer.from("other"));
    node.objects.set(other, hello);
    const lies: readonly (readonly [name: string, over: object, code: string])[] = [
      ["bytes", { address: other }, "cli.bytes-differ"],
      ["longer", { size: 4 }, "cli.bytes-differ"],
      ["shorter", { size: 6 }, "cli.cut-short"],
      ["empty", { size: 0 }, "cli.bytes-differ"],
    ];
    for (const [name, over, code] of lies) {
      const ran = await get(`lie-${name}`, tree(file("a", over)));

      assert.equal(ran.stderr.split(": ")[1], code, ran.stderr);
      assert(!existsSync(join(ran.cwd, "out", "a")));
    }
  });

  it("takes a tree that is as deep as it may be, and none that is deeper", async () => {
    const nested = (count: number): TreeEntry => directory("d", ...(count > 1 ? [nested(count - 1)] : []));

    const deepest = await get("deepest", tree(nested(TREE_DEPTH_MAX - 1)));
    const deeper = await get("deeper", tree(nested(TREE_DEPTH_MAX)));

    assert.equal(deepest.code, 0, deepest.stderr);
    assert.match(deeper.stderr, /^cepa: cli\.tree-refused: the tree has deeper than 256 directories\n$/);
  });

  it("refuses parts that are not one directory together", async () => {
    const part = (first: string, ...entries: readonly TreeEntry[]) => ({ first, ...keep(encodeTree({ entries })) });
    const inner = keep(encodeTree({ parts: [part("a", file("a"))] }));
    const wrong = [
      [part("a", file("b"))],
      [part("a")],
      [part("a", file("a"), file("c")), part("b", file("b"))],
      [{ first: "a", ...inner }],
    ];
    for (const [index, parts] of wrong.entries()) {
      const ran = await get(`parts-${index}`, keep(encodeTree({ parts })).address);

      assert.match(ran.stderr, /^cepa: cli\.tree-refused: /);
    }
    const good = keep(encodeTree({ parts: [part("a", file("a")), part("b", file("b"), file("c"))] })).address;
    const ran = await get("parts-good", good);
    assert.deepEqual([ran.code, readdirSync(join(ran.cwd, "out"))], [0, ["a", "b", "c"]]);
  });

  it("asks for a part when it has made what is in the one before, which it counts", async () => {
    const part = (name: string) => ({ first: name, ...keep(encodeTree({ entries: [link(name, "nowhere")] })) });
    const address = keep(encodeTree({ parts: [part("a"), part("b")] })).address;
    const made: string[][] = [];
    node.onGet = async (wanted) => {
      const out = join(node.directory, "parts-in-turn", "out");
      if (wanted !== address) made.push(readdirSync(out).filter((name) => !name.startsWith(".")));
    };

    const ran = await get("parts-in-turn", address);
    node.onGet = undefined;

    assert.deepEqual([ran.code, made], [0, [[], ["a"]]]);
  });

  it("restores permission bits, and the three others only when it is told to", async () => {
    const address = tree(file("a", { mode: 0o6711 }), { ...directory("d"), mode: 0o1555 } as TreeEntry);
    const modes = (cwd: string) =>
      ["a", "d"].map((name) => (lstatSync(join(cwd, "out", name)).mode & 0o7777).toString(8));

    const plain = await get("modes", address);
    const told = await get("modes-told", address, ["--setuid"]);

    assert.deepEqual([plain.code, told.code], [0, 0]);
    assert.deepEqual(
      [modes(plain.cwd), modes(told.cwd)],
      [
        ["711", "555"],
        ["6711", "1555"],
      ],
    );
  });

  it("makes the directory for its owner alone, and leaves the mode of one that is there", async () => {
    const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
    prepare("top-there", (out) => chmodSync(out, 0o2751));

    const made = await get("top-made", tree(file("a")), ["-o", "above/out"]);
    const there = await get("top-there", tree(file("a")));

    assert.deepEqual([made.code, there.code], [0, 0]);
    assert.deepEqual([modeOf(join(made.cwd, "above", "out")), modeOf(join(there.cwd, "out"))], ["700", "2751"]);
    assert.equal(modeOf(join(made.cwd, "above")), modeOf(made.cwd), "the umask's");
  });

  it("says what is no tree, and needs a directory to write into", async () => {
    const ran = await get("no-tree", keep(hello).address);
    const nowhere = await cepa(["get", "-r", tree(), "--url", node.url]);
    const existing = await get("modes", tree(), ["--no-clobber"]);

    assert.match(
      ran.stderr,
      /^cepa: cli\.tree-refused: .* is no tree that is taken here: not-a-tree \(a file is fetched without -r\)\n$/,
    );
    assert.deepEqual(
      [nowhere.code, nowhere.stderr.split("\n")[0]],
      [2, "error: -r needs -o, the directory to write into"],
    );
    assert.match(existing.stderr, /^cepa: cli\.file-exists: out exists/);
  });
});

describe("cli: get -r of what another one is fetching", () => {
  it("is refused until the other has ended, and then goes on", async () => {
    const address = tree(file("a"));
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    node.onGet = async (wanted) => {
      if (wanted === address) return;
      asked.resolve();
      await told.promise;
    };

    const first = get("twice", address);
    await asked.promise;
    const second = await get("twice", address);
    told.resolve();
    const { code, cwd } = await first;
    node.onGet = undefined;
    const third = await get("twice", address);

    assert.equal(second.code, 1);
    assert.match(second.stderr, /^cepa: cli\.directory-in-use: [^\n]*another cepa get -r is at it[^\n]*\n$/);
    assert.deepEqual([code, third.code, readdirSync(join(cwd, "out"))], [0, 0, ["a"]]);
    assert.deepEqual(readFileSync(join(cwd, "out", "a")), hello);
  });

  it("opens no lock that a tree has made", async () => {
    const address = tree(file("a"));
    prepare("locks", (out) => {
      const parts = join(out, `.cepa-part-${address.slice(3, 19)}`);
      mkdirSync(parts);
      symlinkSync("../../outside/made", join(parts, "lock"));
    });

    const ran = await get("locks", address);

    assert.match(ran.stderr, /^cepa: cli\.file-exists: .*\/lock: something else than a lock is in the way\n$/);
  });
});

describe("cli: put -r of a file", () => {
  it("says how it is stored", async () => {
    const path = join(node.directory, "plain");
    writeFileSync(path, hello);

    const ran = await cepa(["put", "-r", path, "--url", node.url]);

    const stderr = `cepa: cli.file-unreadable: ${path}: is no directory: cepa put takes it without -r\n`;
    assert.deepEqual(ran, { code: 1, stdout: "", stderr });
  });
});

describe("cli: put -r of several", () => {
  it("stores every directory it can, and names those that it cannot", async () => {
    const cwd = join(node.directory, "several");
    mkdirSync(join(cwd, "there"), { recursive: true });
    writeFileSync(join(cwd, "there", "a"), "several");

    const ran = await cepa(["put", "-r", "nowhere", "there", "--url", node.url], { cwd });
    const told = await cepa(["put", "-r", "nowhere", "there", "--url", node.url, "--json"], { cwd });

    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /^b3:[0-9a-f]{64} {2}there\n$/);
    assert.deepEqual(
      ran.stderr.split("\n").map((line) => line.split(": ").slice(0, 3).join(": ")),
      ["cepa: cli.file-unreadable: nowhere", "cepa: cli.file-unreadable: not every directory was stored", ""],
    );
    const [stored, ...others] = told.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([stored.directory, others], ["there", []]);
    assert.equal(JSON.parse(told.stderr.split("\n")[0] ?? "").directory, "nowhere");
  });
});

describe("cli: put -r of what changes meanwhile", () => {
  it("leaves out a file that is another when it is sent, or gone, and stores the rest", async () => {
    const cwd = join(node.directory, "changing");
    mkdirSync(join(cwd, "in"), { recursive: true });
    for (const name of ["changed", "shorter", "same"]) writeFileSync(join(cwd, "in", name), `${name}: 12345`);
    // It is asked about a file when that has been hashed, and before it is sent.
    node.onStat = (asked) => {
      for (const [name, bytes] of [
        ["changed", "changed: 1234!"],
        ["shorter", "s"],
      ] as const) {
        if (asked === addressOf(Buffer.from(`${name}: 12345`))) writeFileSync(join(cwd, "in", name), bytes);
      }
    };

    const ran = await cepa(["put", "-r", "in", "--url", node.url], { cwd });
    node.onStat = undefined;

    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^cepa: left out: in\/changed: changed while it was read$/m);
    assert.match(ran.stderr, /^cepa: left out: in\/shorter: the file changed while it was read$/m);
    assert.match(ran.stderr, /^cepa: cli\.left-out: 2 entries were left out: see above$/m);
    const stored = decodeTree(node.objects.get(ran.stdout.trim()) ?? Buffer.of());
    assert(typeof stored !== "string" && "entries" in stored);
    assert.deepEqual(
      stored.entries.map(({ name }) => name),
      ["same"],
    );
  });

  it("ends at the first refusal of the node, and says of which file", async () => {
    const cwd = join(node.directory, "refused");
    mkdirSync(join(cwd, "in", "below"), { recursive: true });
    writeFileSync(join(cwd, "in", "below", "a"), "refused");
    node.misbehave = "refuse";

    const ran = await cepa(["put", "-r", "in", "--url", node.url], { cwd });
    node.misbehave = undefined;

    assert.deepEqual([ran.code, ran.stdout], [1, ""]);
    assert.match(ran.stderr, /^cepa: storage\.full: in\/below\/a: The disk is full\./);
  });
});
