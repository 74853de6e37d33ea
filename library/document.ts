/** `node library/document.ts`: writes the pages of `docs/api` anew. Exit code 1 when an export has no doc comment. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repository } from "#library/checkout.ts";
import { writeReference } from "#library/reference.ts";
import { LibraryProblem } from "#library/sources.ts";

try {
  for (const [path, page] of writeReference(repository)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), page);
  }
} catch (problem) {
  if (!(problem instanceof LibraryProblem)) throw problem;
  process.stderr.write(`cepa: ${problem.message}\n`);
  process.exitCode = 1;
}
