/**
 * Builds the artefacts of a commit: the sources as git has them, and from those, unpacked, the library.
 *
 * Nothing of the working tree gets into it but `node_modules`, which `npm ci` has made of the lockfile. The code that packs is
 * that of the commit.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { readObject } from "#release/malformed.ts";
import { type ProgramFailed, run, told } from "#release/real/programs.ts";
import { narrow, unpack } from "#release/real/workspace.ts";
import { fileIn, readTarball } from "#release/tarball.ts";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** There are no artefacts, and why. Nothing was written where a release was to be. */
export interface Unbuilt extends Failure<"release.unbuilt"> {
  readonly cause: string;
}

export interface Artefacts {
  readonly version: string;
  /** Bytes by the name of the file. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Around a build: two that differ in all of it must come to the same. */
export interface Surroundings {
  /** Does not exist yet. */
  readonly folder: string;
  readonly umask: string;
  /** The Node that npm and gzip run on. The compiler is started by the one of the checkout. */
  readonly node: string;
  readonly timeZone: string;
  /** Whether the files are for their owner alone. */
  readonly isNarrow: boolean;
}

const GZIP = `
const pieces = [];
process.stdin.on("data", (piece) => pieces.push(piece)).on("end", () => {
  process.stdout.write(require("node:zlib").gzipSync(Buffer.concat(pieces), { level: 9 }));
});`;

/** `root` is the checkout that has the commit. */
export async function build(
  root: string,
  commit: string,
  { folder, umask, node, timeZone, isNarrow }: Surroundings,
): Promise<Result<Artefacts, Unbuilt>> {
  mkdirSync(folder, { recursive: true });
  const manifest = await run("git", ["show", `${commit}:package.json`], { cwd: root });
  if (!manifest.ok) return unbuilt(manifest.failure);
  const { name, version } = readObject(manifest.value.toString()) ?? {};
  if (typeof name !== "string" || typeof version !== "string") return unbuilt("package.json has no name or version");

  const archive = await run(
    "git",
    ["-c", "tar.umask=0022", "archive", "--format=tar", `--prefix=${name}-${version}/`, commit],
    { cwd: root, umask },
  );
  if (!archive.ok) return unbuilt(archive.failure);
  const packed = await run(node, ["--eval", GZIP], { cwd: root, input: archive.value });
  if (!packed.ok) return unbuilt(packed.failure);
  const library = await packLibrary(packed.value, root, { folder, umask, node, timeZone, isNarrow });
  if (!library.ok) return library;
  return ok({ version, files: new Map([[sourceName(name, version), packed.value], library.value]) });
}

/** The library of the sources in a tarball, by name and bytes. Runs the code in it, with the packages of `root`. */
export async function packLibrary(
  source: Uint8Array,
  root: string,
  { folder, umask, node, timeZone, isNarrow }: Surroundings,
): Promise<Result<readonly [name: string, bytes: Uint8Array], Unbuilt>> {
  const tarball = readTarball(source);
  if (!tarball.ok) return unbuilt(tarball.failure.cause);
  if (fileIn(tarball.value, "library/pack.ts") === undefined) return unbuilt("the sources have no library/pack.ts");
  const [sources, out] = [join(folder, "sources"), join(folder, "out")];
  unpack(tarball.value, sources);
  if (isNarrow) narrow(sources);
  symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
  const path = [dirname(node), process.env["PATH"] ?? ""].join(delimiter);
  const packed = await run(process.execPath, [join(sources, "library", "pack.ts"), "--out", out], {
    cwd: sources,
    umask,
    env: { PATH: path, TZ: timeZone, NODE_OPTIONS: "", NODE_COMPILE_CACHE: "" },
  });
  if (!packed.ok) return unbuilt(packed.failure);
  const [made, ...more] = existsSync(out) ? readdirSync(out) : [];
  if (made === undefined || more.length > 0) return unbuilt("library/pack.ts made not one file");
  return ok([made, readFileSync(join(out, made))]);
}

/** Of the sources' tarball. */
export function sourceName(name: string, version: string): string {
  return `${name}-${version}-source.tar.gz`;
}

function unbuilt(why: ProgramFailed | string): Result<never, Unbuilt> {
  return fail({ code: "release.unbuilt", cause: typeof why === "string" ? why : told(why) });
}
