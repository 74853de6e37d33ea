/** A directory of the test's own, gone when the test is over. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Under the system's directory for temporary files; removed after the test of `context`, passed or not. */
export async function tempDirectory(context: { after(remove: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cepa-test-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
