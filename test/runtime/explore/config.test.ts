/** A change of the configuration file, from the file to the cells. */
import { describe } from "node:test";
import { PROGRAMS } from "#test/runtime/explore/programs/config.ts";
import { testsOf } from "#test/runtime/explore/tests-of.ts";

describe("explore: configuration", () => testsOf("test/runtime/explore/programs/config.ts", PROGRAMS));
