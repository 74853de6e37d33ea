/** The bus, its publishers and subscribers, and their end. */
import { describe } from "node:test";
import { PROGRAMS } from "#test/runtime/explore/programs/bus.ts";
import { testsOf } from "#test/runtime/explore/tests-of.ts";

describe("explore: bus", () => testsOf("test/runtime/explore/programs/bus.ts", PROGRAMS));
