/**
 * Erlang/OTP as a peer: Debian's `erlang-base`, unpacked into a cache and never installed, so never started as a service.
 *
 * It runs with one scheduler: the one core that an arm in Node has.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "#bench/actors/asked-child.ts";
import { unpackDebian } from "#bench/debian.ts";
import { freePort } from "#bench/free-port.ts";

const SOURCES = join(import.meta.dirname, "erlang");
const PACKAGE = "erlang-base";
/** Libraries that it links, by the name that the linker misses. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "libtinfo.so.6": "libtinfo6",
  "libz.so.1": "zlib1g",
  "libstdc++.so.6": "libstdc++6",
};

export interface Erlang {
  /** Runs the arm at `work`; `count` and `roundMs` as for the arms in Node. */
  command(work: string, count: number, roundMs: number): Promise<Command>;
}

/** Unpacked and compiled, or a text that says why not. */
export function prepareErlang(say: (line: string) => void): Erlang | string {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "cepa", "bench");
  const folder = join(cache, PACKAGE);
  if (findRoot(folder) === undefined && !unpackDebian(PACKAGE, folder, say)) return "Erlang cannot be had";
  const root = findRoot(folder);
  if (root === undefined) return "Erlang cannot be had";
  supplyLibraries(folder, root, say);
  const env = environment(folder, root);
  const beams = join(folder, "beams");
  mkdirSync(beams, { recursive: true });
  try {
    execFileSync(join(env.BINDIR, "erlc"), ["-o", beams, ...globSync(join(SOURCES, "*.erl"))], {
      env: { ...process.env, ...env },
      stdio: "pipe",
    });
  } catch (error) {
    return `Erlang cannot be run: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
  return { command: (work, count, roundMs) => command(env, beams, [work, String(count), String(roundMs)]) };
}

function findRoot(folder: string): string | undefined {
  const root = join(folder, "usr", "lib", "erlang");
  return existsSync(root) ? root : undefined;
}

/** What its own start scripts would set, had they not the place where Debian installs it inside. */
function environment(folder: string, root: string) {
  const [BINDIR = ""] = globSync(join(root, "erts-*", "bin"));
  return {
    ROOTDIR: root,
    BINDIR,
    EMU: "beam",
    PROGNAME: "erl",
    ERLC_EMULATOR: join(BINDIR, "erlexec"),
    ERL_CRASH_DUMP_SECONDS: "0",
    HOME: folder,
    PATH: `${BINDIR}:${process.env["PATH"] ?? ""}`,
    LD_LIBRARY_PATH: globSync(join(folder, "{,usr/}lib/*-linux-gnu*")).join(":"),
  };
}

/** Libraries that the system lacks come from Debian too, into the same folder. */
function supplyLibraries(folder: string, root: string, say: (line: string) => void): void {
  const env = environment(folder, root);
  const linked = execFileSync("ldd", [join(env.BINDIR, "beam.smp")], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  for (const [, library = ""] of linked.matchAll(/^\s*(\S+) => not found$/gm)) {
    const name = LIBRARIES[library];
    if (name !== undefined) unpackDebian(name, folder, say);
  }
}

async function command(
  env: Readonly<Record<string, string>>,
  beams: string,
  args: readonly string[],
): Promise<Command> {
  // Two nodes find each other by this port, without the daemon that would outlive them.
  const port = String(await freePort());
  const names = ["-name", `near-${process.pid}@127.0.0.1`, "-setcookie", "bench", "-dist_listen", "false"];
  const distribution = ["-start_epmd", "false", "-erl_epmd_port", port, ...names];
  return {
    file: join(env["BINDIR"] ?? "", "erlexec"),
    args: ["+S", "1:1", "-noshell", "-pa", beams, ...distribution, "-s", "arm", "main", "-extra", ...args],
    env: { ...env, CEPA_BENCH_PORT: port },
  };
}
