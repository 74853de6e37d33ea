/**
 * Runs a check in a thread of its own, away from the test runner.
 *
 * The runner follows every promise with async hooks, which makes a promise turn about ten times as dear. A check that is
 * nothing but promise turns, by the million, is better off without them.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** A module that can be run aside exports this. What it answers with are lines for the reader. */
export type Check = (about: string) => Promise<readonly string[]>;

/**
 * Runs `check` of the module at `path`, from the root of the repository, `about` one of several things that it can check. It
 * rejects with what the check throws.
 */
export function aside(path: string, about = ""): Promise<readonly string[]> {
  const root = join(import.meta.dirname, "..", "..");
  const workerData = { path: join(root, path), about };
  const worker = new Worker(join(root, "test/kit/aside-thread.ts"), { workerData });
  return new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
    worker.on("exit", () => reject(new TypeError(`${path} ended without an answer`)));
  });
}
