/** The journal and its group commit, on a disk that crashes. */
import { describe } from "node:test";
import { PROGRAMS } from "#test/runtime/explore/programs/journal.ts";
import { testsOf } from "#test/runtime/explore/tests-of.ts";

describe("explore: journal", () => testsOf("test/runtime/explore/programs/journal.ts", PROGRAMS));
