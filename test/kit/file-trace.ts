/**
 * What a process and all that it starts change in file systems, as `strace` sees it: every call that opens for writing, makes,
 * removes, renames or touches a name, with the path it was about.
 *
 * Calls that failed changed nothing and are passed over. Rings (`io_uring`), by which files could be opened unseen, are
 * refused to whatever is traced.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** One call that changed something. */
export interface FileChange {
  readonly pid: number;
  readonly call: string;
  /** Absolute; as it was written where it cannot be known from what: such a path is nowhere. */
  readonly path: string;
}

export interface FileTrace {
  readonly changes: readonly FileChange[];
  /** Calls about files that were seen, of any kind, and the processes and threads that made them. */
  readonly callCount: number;
  readonly threadCount: number;
}

/** Calls whose paths all are changed, but for the target of a symbolic link. */
const CHANGING =
  /^(mkdir|mknod|rename|link|symlink|unlink|rmdir|truncate|chmod|fchmodat|chown|lchown|fchownat|utime|utimes|futimesat|utimensat|setxattr|lsetxattr|removexattr|lremovexattr|mount|swapon)(at|at2|2)?$/;
const OPENING = /^(open|openat|openat2|creat)$/;
const FOR_WRITING = /\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b|\bO_TMPFILE\b/;

/** Goes before the command. `output` gets the trace. */
export function traceTo(output: string): readonly string[] {
  const calls = ["-e", "trace=%file,bind", "-e", "inject=io_uring_setup:error=ENOSYS"];
  return ["strace", "-f", "-y", "-qq", "-s", "512", ...calls, "-o", output];
}

export function readTrace(output: string): FileTrace {
  return parseTrace(readFileSync(output, "latin1"));
}

export function parseTrace(text: string): FileTrace {
  const begun = new Map<number, string>();
  const changes: FileChange[] = [];
  const threads = new Set<number>();
  let callCount = 0;
  for (const line of text.split("\n")) {
    const [, id = "", said = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const pid = Number(id);
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(said);
    if (unfinished !== null) {
      begun.set(pid, unfinished[1] ?? "");
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    const whole = resumed === null ? said : `${begun.get(pid) ?? ""}${resumed[1]}`;
    const [, call = "", asked = "", answer = ""] = /^(\w+)\((.*)\) += (\S.*)$/.exec(whole) ?? [];
    if (call === "") continue;
    callCount += 1;
    threads.add(pid);
    if (answer.startsWith("-1") || answer.startsWith("?")) continue;
    for (const path of changedBy(call, asked, answer)) changes.push({ pid, call, path });
  }
  assert(callCount > 0, "the trace has calls");
  return { changes, callCount, threadCount: threads.size };
}

function changedBy(call: string, asked: string, answer: string): readonly string[] {
  if (OPENING.test(call)) {
    // The descriptor tells where it really is, through links and from any directory.
    const [, opened = "?"] = /^\d+<(.*)>$/.exec(answer) ?? [];
    return call === "creat" || FOR_WRITING.test(asked) ? [opened.replace(/ \(deleted\)$/, "")] : [];
  }
  if (call === "bind") return [...asked.matchAll(/sun_path="((?:[^"\\]|\\.)*)"/g)].map(([, path = "?"]) => path);
  if (!CHANGING.test(call)) return [];
  const paths = [...asked.matchAll(/(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, from, path = "?"]) => (from === undefined ? path : resolve(from, path)),
  );
  return call.startsWith("symlink") ? paths.slice(-1) : paths;
}

/** Places whose contents are in memory, and those that hold nothing. */
export class MemoryMounts {
  /** The longest mount point first, later mounts before those that they hide. */
  readonly #mounts: readonly { readonly point: string; readonly isMemory: boolean }[];

  constructor(mountInfo: string = readFileSync("/proc/self/mountinfo", "utf8")) {
    const mounts = mountInfo
      .trim()
      .split("\n")
      .map((line) => {
        const [before = "", after = ""] = line.split(" - ");
        return { point: before.split(" ")[4] ?? "", isMemory: /^(tmpfs|ramfs|proc) /.test(after) };
      });
    this.#mounts = mounts.reverse().sort((one, other) => other.point.length - one.point.length);
  }

  holds(path: string): boolean {
    if (/^(pipe|socket|anon_inode):/.test(path) || /^\/dev\/(null|zero|tty|pts\/\d+)$/.test(path)) return true;
    const mount = this.#mounts.find(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`));
    return path.startsWith("/") && mount?.isMemory === true;
  }

  /** What was changed anywhere else, each call and path once. */
  strays({ changes }: FileTrace): readonly string[] {
    const strays = changes.filter(({ path }) => !this.holds(path)).map(({ call, path }) => `${call} ${path}`);
    return [...new Set(strays)];
  }
}
