/** Waits until the file system of `folder` has written everything, so that no arm pays for what another left to it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export async function syncDisk(folder: string): Promise<void> {
  await promisify(execFile)("sync", ["-f", folder]);
}
