/** A Postgres that answers every question and takes no events, as when its disk is full. */
import type { WorkNode } from "#test/kit/work-node.ts";

/** Until `takeRows`, also over a restart of Postgres. */
export async function takeNoRows(work: WorkNode): Promise<void> {
  const text = "begin raise exception 'no space left on device' using errcode = 'disk_full'; end";
  await work.rows(`create or replace function public.is_full() returns trigger language plpgsql as $$ ${text} $$`);
  await work.rows("create trigger is_full before insert on ingest.event_ids execute function public.is_full()");
}

export async function takeRows(work: WorkNode): Promise<void> {
  await work.rows("drop trigger is_full on ingest.event_ids");
}
