/** The journal under every order of those who append, of the halves of each operation of its disk, and of its end. */
import assert from "node:assert/strict";
import type { Disk } from "#runtime/disk/disk.ts";
import { diskOver } from "#runtime/disk/disk-over.ts";
import { type Failure, must, ok, type Result } from "#runtime/errors.ts";
import { HeldJournal, type JournalState } from "#runtime/journal/held-journal.ts";
import type { Journal } from "#runtime/journal/journal.ts";
import { openJournal } from "#runtime/journal/open-journal.ts";
import { type DiskOperation, MemoryDisk } from "#runtime/simulated/disk.ts";
import { ExploredDisk } from "#runtime/simulated/explored-disk.ts";
import type { Play } from "#runtime/simulated/explored-play.ts";
import { seededRandom } from "#runtime/simulated/random.ts";
import type { Check } from "#test/kit/aside.ts";
import { checkOf, exploreTo, type Programs } from "#test/runtime/explore/programs.ts";

/** Of records, by the digit of their name. The second is longer than a sector of the disk, and can be torn. */
const LENGTHS = [8, 600];
const DIRECTORY = "/journal";
/** What the disk may refuse while a file is rewritten. */
const FAULTS: readonly Fault[] = [
  ...(["open", "write", "sync", "truncate", "rename", "syncDirectory", "close", "remove"] as const).map(
    (operation) => ({
      operation,
      errno: "EIO",
    }),
  ),
  { operation: "write", errno: "ENOSPC" },
];

interface Fault {
  readonly operation: DiskOperation;
  readonly errno: string;
}

function textOf({ operation, errno }: Fault): string {
  return `${operation} ${errno}`;
}

export const PROGRAMS: Programs = {
  "what was acknowledged survives a crash at every point, in order, whatever the power leaves": async () => {
    const counts = new Set<number>();
    const explored = await exploreTo({ usual: 2, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("power", () => owner.process.crash({ power: true }));
      await play.interleave();

      counts.add((await owner.reopen()).length);
    });

    assert.deepEqual([...counts].sort(), [0, 1, 2, 3], "it crashes with none, some and all of it there");
    return explored;
  },

  "a sync that fails fails all that waited for it, and all that come after": async () => {
    const shapes = new Set<string>();
    const explored = await exploreTo({ usual: 1, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("fault", () => owner.files.failNext("sync", "EIO"));
      await play.interleave();

      const answers = [...owner.answers.values()];
      assert.equal(answers.length, 3, "nobody waits for ever");
      const shape = answers.map((answer) => (answer === "ok" ? "o" : "x")).join("");
      assert.match(shape, /^o*x*$/, "nothing is acknowledged after a sync has failed");
      const hasFailed = owner.files.faultCount === 0;
      assert.equal(owner.journal.closed?.cause !== undefined, hasFailed, "a journal whose sync failed says so");
      assert.equal(shape.endsWith("x"), hasFailed, "those who waited are told, and nobody else");
      shapes.add(shape);
      owner.process.crash({ power: true });
      await owner.reopen();
    });

    assert.deepEqual([...shapes].sort(), ["ooo", "oox", "oxx", "xxx"]);
    return explored;
  },

  "a file that is rewritten while others append loses nothing, wherever it crashes": () =>
    exploreTo({ usual: 1, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      await owner.appended("a1");
      play.script("a", owner.append("a2"));
      play.script("compact", () => void owner.journal.compact());
      play.script("power", () => owner.process.crash({ power: true }));
      await play.interleave();

      await owner.reopen();
    }),

  "whatever the disk refuses while a file is rewritten, what was acknowledged survives a loss of power": async () => {
    const refused = new Set<string>();
    const explored = await exploreTo({ usual: 0, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      await owner.appended("a1");
      const fault = FAULTS[play.choose("fault", FAULTS.length)];
      assert(fault !== undefined, "a fault is chosen");
      play.script("a", owner.append("a2"));
      play.script("compact", () => void owner.journal.compact());
      play.script("fault", () => owner.files.failNext(fault.operation, fault.errno));
      await play.interleave();

      assert.equal(owner.answers.size, 2, "nobody waits for ever");
      if (owner.files.faultCount === 0) refused.add(textOf(fault));
      owner.process.crash({ power: true });
      await owner.reopen();
    });

    assert.deepEqual([...refused].sort(), FAULTS.map(textOf).sort(), "each is met");
    return explored;
  },

  "a journal that closed itself is opened anew for whoever comes next, once, and nothing acknowledged is lost":
    async () => {
      const shapes = new Set<string>();
      const explored = await exploreTo({ usual: 0, long: 2 }, async (play) => {
        const owner = await Holder.begin(play);
        play.script("a", owner.append("a1"), owner.append("a2"));
        play.script("b", owner.append("b1"));
        play.script("fault", () => owner.files.failNext("sync", "EIO"));
        await play.interleave();

        assert.equal(owner.answers.size, 3, "nobody waits for ever");
        shapes.add([...owner.answers.values()].map((answer) => (answer === "ok" ? "o" : "x")).join(""));
        await owner.close();
        assert.equal(owner.files.openCount, 0, "no descriptor is left");
        owner.process.crash({ power: true });
        await owner.reopen();
      });

      assert(shapes.has("xoo") || shapes.has("oxo"), "somebody comes after the failure, and is served");
      return explored;
    },

  "closing answers all that waits, and refuses the rest": () =>
    exploreTo({ usual: 2, long: "all" }, async (play) => {
      const owner = await Owner.begin(play);
      let asked: readonly string[] = [];
      play.script("a", owner.append("a1"), owner.append("a2"));
      play.script("b", owner.append("b1"));
      play.script("close", async () => {
        asked = [...owner.asked];
        await owner.journal.close();
      });
      await play.interleave();

      assert.equal(owner.answers.size, 3, "nobody waits for ever");
      assert.deepEqual(owner.acknowledged(), asked, "what was asked before is done, and nothing else");
      assert.equal(owner.files.openCount, 0, "no descriptor is left");
      assert.deepEqual(await recover(owner.files), asked);
    }),
};

export const check: Check = checkOf(PROGRAMS);

interface Opened {
  readonly journal: Journal;
  /** What it has been told of, in order. */
  readonly applied: readonly string[];
}

async function open(disk: Disk): Promise<Opened> {
  const applied: string[] = [];
  const opened = await openJournal({
    disk,
    random: seededRandom(1),
    directory: DIRECTORY,
    apply: (record) => void applied.push(nameOf(record)),
    snapshot: () => applied.map(recordOf),
  });
  return { journal: must(opened, "the journal opens"), applied };
}

function recordOf(name: string): Buffer {
  return Buffer.from(name.padEnd(LENGTHS[Number(name.at(-1)) - 1] ?? 0, "."));
}

function nameOf(record: Uint8Array): string {
  const name = Buffer.from(record).toString().slice(0, 2);
  assert(recordOf(name).equals(record), `the record ${name} is whole`);
  return name;
}

/** A process that appends, on files that outlive it. */
class Process {
  readonly files = new MemoryDisk();
  readonly process: ExploredDisk;
  /** In the order of the calls. */
  readonly asked: string[] = [];
  /** By name, in the order of the answers: `ok`, or the code of the failure. */
  readonly answers = new Map<string, string>();

  constructor(play: Play) {
    this.process = new ExploredDisk(play, this.files);
  }

  acknowledged(): readonly string[] {
    return [...this.answers].filter(([, answer]) => answer === "ok").map(([name]) => name);
  }

  /** Another life finds all that was acknowledged, in order and whole, and nothing that nobody asked for. */
  async reopen(): Promise<readonly string[]> {
    const found = await recover(this.files);
    for (const name of this.acknowledged()) assert(found.includes(name), `${name} was acknowledged, and is lost`);
    assert.deepEqual(
      found,
      this.asked.filter((name) => found.includes(name)),
      "what survives is in order, and there once",
    );
    return found;
  }

  protected async answered(name: string, appending: Promise<Result<void, Failure>>): Promise<Result<void, Failure>> {
    this.asked.push(name);
    const answer = await appending;
    this.answers.set(name, answer.ok ? "ok" : answer.failure.code);
    return answer;
  }
}

/** With a journal that is open, and stays closed when it has closed itself. */
class Owner extends Process {
  #opened: Opened | undefined;

  static async begin(play: Play): Promise<Owner> {
    const owner = new Owner(play);
    owner.#opened = await open(owner.process.disk);
    return owner;
  }

  get journal(): Journal {
    return this.#open.journal;
  }

  get #open(): Opened {
    assert(this.#opened !== undefined, "it has begun");
    return this.#opened;
  }

  /** A step that appends, and does not wait for the answer. */
  append(name: string): () => void {
    return () => void this.appended(name);
  }

  async appended(name: string): Promise<void> {
    const answer = await this.answered(name, this.journal.append(recordOf(name)));
    if (answer.ok) assert(this.#open.applied.includes(name), `${name} is applied when it is answered`);
  }

  /** Nothing is appended behind what was not: what survives is the front of it. */
  override async reopen(): Promise<readonly string[]> {
    const found = await super.reopen();
    assert.deepEqual(found, this.asked.slice(0, found.length), "what survives is the front of what was appended");
    return found;
  }
}

interface Applied extends JournalState {
  readonly applied: readonly string[];
}

/** With one that is opened again. */
class Holder extends Process {
  readonly #held: HeldJournal<Applied>;
  #openingCount = 0;

  constructor(play: Play) {
    super(play);
    const { disk } = this.process;
    const opens: Disk = diskOver(disk, {
      list: (directory) => {
        this.#openingCount += 1;
        assert.equal(this.#openingCount, 1, "it is opened once at a time");
        return disk.list(directory);
      },
    });
    this.#held = new HeldJournal({
      disk: opens,
      random: seededRandom(1),
      directory: DIRECTORY,
      makeState: (): Applied => {
        const applied: string[] = [];
        return { applied, apply: (record) => void applied.push(nameOf(record)), snapshot: () => applied.map(recordOf) };
      },
      onOpened: () => {
        this.#openingCount = 0;
      },
    });
  }

  static async begin(play: Play): Promise<Holder> {
    const holder = new Holder(play);
    must(await holder.#held.open(), "the journal opens");
    return holder;
  }

  append(name: string): () => void {
    return () =>
      void this.answered(name, this.#held.append(recordOf(name))).then(({ ok: isOk }) => {
        if (isOk) assert(this.#held.state.applied.includes(name), `${name} is applied when it is answered`);
      });
  }

  close(): Promise<void> {
    return this.#held.close();
  }
}

/** By what was on the disk: a crash leaves the same in most runs, and what comes of that is the same. */
const recoveries = new Map<string, readonly string[]>();

/** What a life finds on the disk; it goes on from there, and the next one finds that. */
async function recover(files: MemoryDisk): Promise<readonly string[]> {
  const contents = await contentsOf(files);
  const known = recoveries.get(contents);
  if (known !== undefined) return known;

  const { applied, journal } = await open(files);
  const found = [...applied];
  assert.deepEqual(await journal.append(recordOf("z1")), ok(undefined));
  await journal.close();
  assert.deepEqual((await open(files)).applied, [...found, "z1"], "what was found once stays");
  recoveries.set(contents, found);
  return found;
}

async function contentsOf(files: MemoryDisk): Promise<string> {
  const listed = must(await files.list(DIRECTORY), "the directory is there");
  const texts = listed.map(async ({ name }) => {
    const bytes = must(await files.readFile(`${DIRECTORY}/${name}`), "a file that is listed is there");
    return `${name} ${Buffer.from(bytes).toString("latin1")}`;
  });
  return (await Promise.all(texts)).sort().join();
}
