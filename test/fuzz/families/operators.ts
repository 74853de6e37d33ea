/** What operators write and programs of theirs send: lines to the admin socket, plans of chaos, addresses of servers. */
import assert from "node:assert/strict";
import { titleOf } from "#chaos/fault.ts";
import { readPlan } from "#chaos/read-plan.ts";
import { parseRedisUrl } from "#runtime/redis/address.ts";
import { parseRequest } from "#supervisor/root/admin-protocol.ts";
import { parseOrder, parseReport } from "#supervisor/wire.ts";
import { bytesOf, utf8Of } from "#test/fuzz/bytes.ts";
import { FAULT_EXAMPLES } from "#test/fuzz/readers/fault-examples.ts";
import type { Target } from "#test/fuzz/target.ts";

const COMMANDS: ReadonlySet<string> = new Set(["status", "logs", "down", "kill", "resume", "letters", "replay"]);

const adminLine: Target = {
  name: "line of the admin socket",
  seeds: [
    '{"command":"status","id":1}',
    '{"command":"kill","target":"actor/storage","id":"a"}',
    '{"command":"replay","target":"actor/index","letter":3}',
    '{"kind":"begin"}',
    '{"kind":"beat","loopDelayMs":1}',
  ].map(bytesOf),
  words: ['"command":"letters"', '"target":"cell/data"', '"letter":1e400', '"kind":"__proto__"', '"id":{}'],
  check(input) {
    const line = utf8Of(input);
    const read = parseRequest(line);
    if (!read.ok) {
      assert.equal(read.failure.code, "supervisor.bad-request");
    } else {
      const { command } = read.value;
      assert(COMMANDS.has(command.command));
      if ("name" in command) assert.match(command.name, /^[a-z][a-z0-9-]{0,62}$/);
      if ("letter" in command) assert(Number.isSafeInteger(command.letter) && command.letter >= 1);
    }
    const { id } = read.ok ? read.value : read.failure;
    assert(id === null || typeof id === "string" || typeof id === "number", "an id can be given back");
    for (const parse of [parseOrder, parseReport]) {
      const message = parse(jsonOf(line));
      if (message !== undefined) assert(typeof message.kind === "string");
    }
  },
};

const TOO_MUCH = { kind: "bad-network", atMs: 1, forMs: 2, loss: [20, 10], duplicate: [0, 1], delayMs: 3, jitterMs: 4 };
const plan: Target = {
  name: "plan of chaos",
  seeds: [...FAULT_EXAMPLES, TOO_MUCH].map((fault) =>
    bytesOf(
      JSON.stringify({
        scenario: "s",
        seed: 1,
        durationMs: 30_000,
        settlesWithinMs: 20_000,
        clients: 4,
        pauseMs: 200,
        config: "",
        faults: [fault],
      }),
    ),
  ),
  words: ['"kind":"__proto__"', '"loss":[1,0]', "[2,1]", "1e999", "-1", '"atMs":'],
  check(input) {
    const read = readPlan(utf8Of(input));
    if (!read.ok) {
      assert(read.failure.problem.length > 0);
      return;
    }
    const { value } = read;
    assert.deepEqual(readPlan(JSON.stringify(value)), read, "a plan that is kept is the plan that was run");
    for (const fault of value.faults) {
      assert(fault.atMs >= 0 && titleOf(fault).length > 0);
      if ("loss" in fault) assert(fault.loss[0] <= fault.loss[1] && fault.loss[1] > 0, "a ratio is at most one");
    }
  },
};

const redisUrl: Target = {
  name: "address of Redis",
  seeds: ["redis://u:s@h:6379/1", "rediss://[::1]", "redis+unix://u:s@/run/r.sock?db=3", "redis://:%41@h"].map(bytesOf),
  words: ["redis+unix://", "?db=", "%zz", "@/"],
  check(input) {
    const read = parseRedisUrl(utf8Of(input));
    if (typeof read === "string") {
      // Where a mistake is, a secret may be too.
      assert.match(read, /^[a-z-]{1,32}$/);
      return;
    }
    const { place, database } = read;
    assert(Number.isSafeInteger(database) && database >= 0);
    if (place.kind === "host") assert(place.host !== "" && place.port >= 0 && place.port < 65_536);
    else assert(place.path.startsWith("/"));
  },
};

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export const TARGETS: readonly Target[] = [adminLine, plan, redisUrl];
