/**
 * A process that gets so much memory more and then no more: a control group of its own, by either version of the kernel's
 * interface. What it had before stays charged where it was, so that the limit counts what comes.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Kernel {
  /** Where groups are made. */
  readonly root: string;
  readonly limit: string;
  /** How often the limit was met, and how often somebody was ended for it. */
  readonly met: readonly (readonly [file: string, pattern: RegExp])[];
}

const FIRST: Kernel = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  met: [
    ["memory.failcnt", /^(\d+)$/m],
    ["memory.oom_control", /^oom_kill (\d+)$/m],
  ],
};
const SECOND: Kernel = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  met: [
    ["memory.events", /^max (\d+)$/m],
    ["memory.events", /^oom_kill (\d+)$/m],
  ],
};

/** Undefined where this machine has none. */
function kernel(): Kernel | undefined {
  return [FIRST, SECOND].find(({ root, limit }) =>
    // The root of the second has no limit, but says what its children have.
    existsSync(limit === SECOND.limit ? join(root, "cgroup.subtree_control") : join(root, limit)),
  );
}

/** Why memory cannot be limited here; undefined where it can. */
export function memoryLimitMissing(): string | undefined {
  const found = kernel();
  if (found === undefined) return "this machine has no control groups of memory";
  if (found !== SECOND) return undefined;
  const isOn = readFileSync(join(SECOND.root, "cgroup.subtree_control"), "utf8").includes("memory");
  return isOn ? undefined : "the control groups of this machine do not limit memory";
}

export class MemoryLimit {
  readonly #kernel: Kernel;
  readonly #group: string;
  readonly #before: string;

  private constructor(kernel: Kernel, group: string, before: string) {
    this.#kernel = kernel;
    this.#group = group;
    this.#before = before;
  }

  /** Under a name of its own. */
  static of(pid: number, name: string, freeBytes: number): MemoryLimit {
    const found = kernel();
    if (found === undefined) throw new Error("there are no control groups of memory");
    const group = join(found.root, name);
    mkdirSync(group);
    // Where all of the node was started: the process itself may be in the group of another limit, which goes before this one.
    const limit = new MemoryLimit(found, group, join(found.root, groupOf(process.pid, found), "cgroup.procs"));
    writeFileSync(join(group, found.limit), `${freeBytes}`);
    moved(pid, join(group, "cgroup.procs"));
    return limit;
  }

  /** How often it did something. */
  get effects(): number {
    return this.#kernel.met.reduce((sum, [file, pattern]) => {
      const [, count = "0"] = pattern.exec(readFileSync(join(this.#group, file), "utf8")) ?? [];
      return sum + Number(count);
    }, 0);
  }

  /** Who is left in it gets what it wants again. */
  lift(): void {
    const members = readFileSync(join(this.#group, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
    for (const pid of members) moved(Number(pid), this.#before);
    rmdirSync(this.#group);
  }
}

function groupOf(pid: number, { limit }: Kernel): string {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const [, path = "/"] = (limit === SECOND.limit ? /^0::(.*)$/m : /^\d+:memory:(.*)$/m).exec(groups) ?? [];
  return path;
}

function moved(pid: number, members: string): void {
  try {
    writeFileSync(members, `${pid}`);
  } catch (error) {
    // It has gone meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
