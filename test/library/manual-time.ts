/** A test as a user of the library writes it: a system whose time stands still until it is moved. */
import { type Behavior, type Call, Defect, minute, ok, second } from "cepa/runtime";
import { startSystem, worker } from "cepa/supervisor";
import { ManualClock, memoryLog, seededRandom, seededScheduler } from "cepa/testing";

interface EchoProtocol {
  echo: Call<{ readonly word: string }, string>;
}

const echo: Behavior<EchoProtocol, Record<never, never>, undefined, undefined> = {
  name: "echo",
  init: () => undefined,
  handlers: {
    echo: (_state, { word }) => {
      if (word === "poison") throw new Defect("poisoned");
      return ok(word);
    },
  },
};

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const clock = new ManualClock();
const log = memoryLog();
const seams = { clock, random: seededRandom(1), scheduler: seededScheduler(seededRandom(2)) };
const children = [worker({ behavior: echo }), worker({ behavior: echo, name: "twin" })];
const system = await startSystem({ name: "manual", strategy: "one-for-all", children, log, seams });
const ref = system.ref(echo, "twin");
const lives = (): string =>
  system
    .status()
    .map((worker) => String(worker.lives))
    .join(" ");

say(`lives ${lives()}`);
const answer = await ref.call("echo", { word: "poison" }, { timeoutMs: 1 * second });
say(`poison: ${answer.ok ? answer.value : answer.failure.code}`);
await clock.advance(1 * second);
say(`lives ${lives()}`);
for (let crash = 0; crash < 5; crash += 1) {
  system.kill("twin");
  await clock.advance(10 * second);
}
say(`${system.status()[1]?.state} ${log.events.find((event) => event.endsWith("quarantined"))}`);
const stopped = system.stop(1 * minute);
await clock.settle();
say(`${(await stopped).reason}, ${clock.armedCount} timers left`);
