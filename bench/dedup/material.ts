/**
 * What is put to see how much of it is stored: real things, each in an older and a newer version.
 *
 * The source tree is a published package with its sources and what was built from them. The disk image holds the older
 * tree, and the newer image is the same one after a part of its files was replaced inside, as an update does it.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { peerFolder } from "#bench/peer-package.ts";
import { MiB } from "#runtime/units.ts";

/** A file, or a folder whose files are objects of their own. */
export interface Material {
  readonly name: string;
  /** For people. */
  readonly label: string;
  /** Paths, the older version first. */
  readonly versions: readonly string[];
}

/** One identity for both images: what differs between them is what was changed. */
const IMAGE_ID = "00000000-0000-4000-8000-000000000000";
/** Room for the file system's own tables, beside one and a half times the tree. */
const IMAGE_SLACK_BYTES: number = 16 * MiB;

/** What can be had on this machine. `folder` takes archives and images, some hundred MiB of them. */
export function prepareMaterials(folder: string, say: (line: string) => void): readonly Material[] {
  const trees = ["effect-before", "effect"].map(peerFolder);
  const [older = "", newer = ""] = trees;
  if (!trees.every((tree) => existsSync(tree))) {
    say("nothing to store: the packages of bench/peers are absent");
    return [];
  }
  mkdirSync(folder, { recursive: true });
  const archives = trees.map((tree, version) => archive(tree, join(folder, `tree-${version}.tar`)));
  const images = makeImages(older, newer, folder);
  if (images === undefined) say("the disk image will be absent: mke2fs or debugfs is missing");
  return [
    { name: "tar", label: "source tree, a tar", versions: archives },
    { name: "files", label: "source tree, its files", versions: trees },
    ...(images === undefined ? [] : [{ name: "image", label: "disk image", versions: images }]),
  ];
}

/** The files of a version, in a fixed order. */
export function filesOf(version: string): readonly string[] {
  if (statSync(version).isFile()) return [version];
  return readdirSync(version, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

export function sizeOf(version: string): number {
  return filesOf(version).reduce((sum, file) => sum + statSync(file).size, 0);
}

/** Names in order and no times: one tree has one archive. */
function archive(tree: string, to: string): string {
  const bare = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  execFileSync("tar", [...bare, "-C", tree, "-cf", to, "."]);
  return to;
}

function makeImages(older: string, newer: string, folder: string): readonly string[] | undefined {
  const [mke2fs, debugfs] = ["mke2fs", "debugfs"].map(findTool);
  if (mke2fs === undefined || debugfs === undefined) return undefined;
  const [before, after] = [join(folder, "image-0.img"), join(folder, "image-1.img")];
  const mebibytes = Math.ceil((sizeOf(older) * 1.5 + IMAGE_SLACK_BYTES) / MiB);
  const identity = ["-U", IMAGE_ID, "-E", `hash_seed=${IMAGE_ID}`];
  execFileSync(mke2fs, ["-q", "-F", "-t", "ext4", ...identity, "-d", older, before, `${mebibytes}m`]);
  copyFileSync(before, after);
  const script = join(folder, "changes");
  writeFileSync(script, `${replacements(older, newer).join("\n")}\n`);
  execFileSync(debugfs, ["-w", "-f", script, after], { stdio: "ignore" });
  return [before, after];
}

/** For `debugfs`: every module at the top of the tree's sources that the newer version has changed. */
function replacements(older: string, newer: string): readonly string[] {
  const changed = globSync("src/*.ts", { cwd: older }).filter((path) => {
    const replacement = join(newer, path);
    return existsSync(replacement) && !readFileSync(join(older, path)).equals(readFileSync(replacement));
  });
  return changed.sort().flatMap((path) => [`rm /${path}`, `write "${join(newer, path)}" /${path}`]);
}

/** Tools of e2fsprogs are for the administrator: not in everyone's PATH. */
function findTool(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
