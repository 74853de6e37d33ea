/**
 * A process that puts six pairs into a store of LMDB, three of them one after another and three at once, and reads from it
 * all the while: `kv-host.ts DIRECTORY`. It says `settled N` or `refused N` of each.
 */
import { realClock } from "#runtime/real/clock.ts";
import { createLmdbStores } from "#runtime/real/kv.ts";
import { MiB } from "#runtime/units.ts";

const [directory = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const opened = await createLmdbStores(realClock).open(directory, { mapBytesMax: 64 * MiB });
if (!opened.ok) {
  say(`unopened ${opened.failure.code}`);
  process.exit(0);
}
const kv = opened.value;
let reading = setImmediate(read);
for (const index of [1, 2, 3]) await put(index);
await kv.flush();
await Promise.all([4, 5, 6].map(put));
await kv.flush();
clearImmediate(reading);
await kv.close();
say("closed");

/** With every turn: a commit fails while a transaction reads. Where the header is gone there is nothing to be read. */
function read(): void {
  try {
    kv.get(new Uint8Array([1]));
    reading = setImmediate(read);
  } catch (error) {
    say(`unread ${String(error)}`);
  }
}

/** Of more than a page, so that several are written at once. */
async function put(index: number): Promise<void> {
  const settled = kv.batch([{ key: new Uint8Array([index]), value: new Uint8Array(10_000).fill(index) }]);
  say(
    `${await settled.then(
      () => "settled",
      () => "refused",
    )} ${index}`,
  );
}
