/** Storage over whole histories of its volumes (STO-77, STO-79): what was acknowledged is there, what is read is right. */
import { liveThrough } from "#test/actors/storage/volumes/live-through.ts";

liveThrough(false, [
  [31, "what was away counted as damaged"],
  [77, "a put relied on copies that repair did not know to be too few"],
  [140, "the same, with six of them"],
]);
