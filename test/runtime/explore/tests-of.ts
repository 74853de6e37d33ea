/** Tests of explored programs, each run in a thread of its own: the test runner follows every promise, and there are millions. */
import { it } from "node:test";
import { aside } from "#test/kit/aside.ts";
import type { Programs } from "#test/runtime/explore/programs.ts";

/** A test of each program of the module at `path`, from the root of the repository. */
export function testsOf(path: string, programs: Programs): void {
  for (const sentence of Object.keys(programs)) {
    it(sentence, async (test) => {
      for (const line of await aside(path, sentence)) test.diagnostic(line);
    });
  }
}
