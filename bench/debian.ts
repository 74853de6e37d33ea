/** Packages of Debian as peers: fetched and unpacked into a folder, never installed. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Unpacks the package `name` into `folder`. Only where apt works without asking, and never against the owner's word
 * (`CEPA_PROVISION=never`). False when it cannot be had.
 */
export function unpackDebian(name: string, folder: string, say: (line: string) => void): boolean {
  if (process.env["CEPA_PROVISION"] === "never" || !existsSync("/usr/bin/apt-get")) return false;
  say(`fetching Debian's ${name} to compare with, into a cache ...`);
  mkdirSync(folder, { recursive: true });
  try {
    if (!download(name, folder, [])) downloadByOwnLists(name, folder);
    const [archive] = globSync(`${name}_*.deb`, { cwd: folder });
    if (archive === undefined) return false;
    execFileSync("dpkg-deb", ["-x", archive, "."], { cwd: folder, stdio: "ignore" });
    rmSync(join(folder, archive));
    return true;
  } catch {
    return false;
  }
}

/** False where apt does not know the package. */
function download(name: string, folder: string, options: readonly string[]): boolean {
  try {
    execFileSync("apt-get", ["-qq", ...options, "download", name], { cwd: folder, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Where the system's lists of packages were never fetched, or are old: with lists of our own, that go again. */
function downloadByOwnLists(name: string, folder: string): void {
  const lists = join(folder, "apt-lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const options = ["-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${lists}`];
  try {
    execFileSync("apt-get", ["-qq", ...options, "update"], { stdio: "ignore" });
    download(name, folder, options);
  } finally {
    rmSync(lists, { recursive: true });
  }
}
