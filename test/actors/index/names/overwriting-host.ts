/**
 * A process in which owners lead their names elsewhere, again and again: `overwriting-host.ts DIRECTORY`. It says what
 * it is about to set, as `setting OWNER SEQ DIGEST`, and what was answered: `set`, or `refused` where nothing of it
 * may be kept. Pipes are written synchronously, so what was said is true whatever comes next. Whoever is left in doubt
 * reads, and goes on from there.
 */
import { OWNERS, type Owner, openNames } from "#test/actors/index/names/owned-names.ts";
import { nextRecord, objectValue, signedRecord } from "#test/kit/names.ts";

const ROUNDS = 20;

const [directory = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const names = openNames(directory);
await Promise.all(OWNERS.map(overwrite));
await names.close();
say("done");

async function overwrite({ signer, name }: Owner, number: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const read = await names.read(name);
    if (!read.ok && read.failure.code !== "index.name-unknown") continue;
    const current = read.ok ? read.value.history.at(-1) : undefined;
    const value = objectValue(round);
    const record =
      current === undefined
        ? signedRecord(signer, { label: name.label, value })
        : nextRecord(signer, current, { value });
    const words = `${number} ${record.seq} ${record.digest}`;
    say(`setting ${words}`);
    const done = await names.set(record);
    if (done.ok) say(`set ${words}`);
    else if (done.failure.code !== "index.names-unavailable") throw new TypeError(JSON.stringify(done.failure));
    else if (done.failure.executed === "no") say(`refused ${words}`);
  }
}
