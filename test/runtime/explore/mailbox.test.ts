/** The mailbox, with each policy for when it is full. */
import { describe } from "node:test";
import { PROGRAMS } from "#test/runtime/explore/programs/mailbox.ts";
import { testsOf } from "#test/runtime/explore/tests-of.ts";

describe("explore: mailbox", () => testsOf("test/runtime/explore/programs/mailbox.ts", PROGRAMS));
