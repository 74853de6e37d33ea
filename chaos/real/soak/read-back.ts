/** All rows and all dead letters of a node, in pages, each told to the account of its events. */
import type { EventAccount } from "#chaos/soak/event-account.ts";
import { textOf } from "#chaos/workload/redis-replies.ts";
import type { RedisReply } from "#runtime/redis/redis.ts";
import type { WorkNode } from "#test/kit/work-node.ts";

const PAGE_ROWS = 5000;
const PAGE_LETTERS = 500;

/** An event whose two rows are of other times is two rows here too. */
const ROWS = `select event_id, ts_ns, stream_ms || '-' || stream_sequence as entry_id from ingest.events
  where (event_id, ts_ns) > ($1::uuid, $2::bigint) order by event_id, ts_ns limit ${PAGE_ROWS}`;

export async function readRows(work: WorkNode, account: EventAccount): Promise<void> {
  let after: readonly string[] = ["00000000-0000-0000-0000-000000000000", "0"];
  for (;;) {
    const rows = await work.rows(ROWS, after);
    for (const row of rows) account.foundRow(row["event_id"] ?? "", row["entry_id"] ?? "");
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = [last["event_id"] ?? "", last["ts_ns"] ?? ""];
  }
}

type Entry = readonly [id: RedisReply, words: readonly RedisReply[]];

export async function readLetters(work: WorkNode, account: EventAccount): Promise<void> {
  let after = "-";
  for (;;) {
    const page = (await work.look("XRANGE", "events:dlq", after, "+", "COUNT", `${PAGE_LETTERS}`)) as readonly Entry[];
    for (const [, words] of page) {
      const texts = words.map(textOf);
      const field = (name: string): string =>
        texts[texts.findIndex((word, at) => at % 2 === 0 && word === name) + 1] ?? "";
      account.foundLetter(field("payload"), field("reason"));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_LETTERS) return;
    after = `(${textOf(last[0])}`;
  }
}
