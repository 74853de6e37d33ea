/** The other process of `far-counter.ts`: hosts a counter on the socket that it is told, until its input ends. */
import { MAILBOX_CAPACITY } from "#bench/actors/arm.ts";
import { cepaMachine, cepaSwitchboard, hostActor } from "#bench/actors/cepa-machine.ts";
import { counter } from "#bench/actors/counter.ts";
import { must } from "#runtime/errors.ts";

const [path = ""] = process.argv.slice(2);
const hosted = hostActor(cepaMachine(), counter, { capacity: MAILBOX_CAPACITY });
await hosted.start();
must(await cepaSwitchboard("far", path, hosted).listen({ path }), "listening");
process.stdout.write("listening\n");
process.stdin.on("end", () => process.exit(0)).resume();
