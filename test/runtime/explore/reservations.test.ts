/** Permits and reservations of memory. */
import { describe } from "node:test";
import { PROGRAMS } from "#test/runtime/explore/programs/reservations.ts";
import { testsOf } from "#test/runtime/explore/tests-of.ts";

describe("explore: reservations", () => testsOf("test/runtime/explore/programs/reservations.ts", PROGRAMS));
