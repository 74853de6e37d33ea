/** The same with lives to which fewer of the volumes are named, or none (STO-79, STO-89, STO-134). */
import { liveThrough } from "#test/actors/storage/volumes/live-through.ts";

liveThrough(true, [
  [40, "what was removed came back with a volume that had been left out"],
  [45, "two commits had one number"],
  [98, "what a start without any pack had removed came back"],
]);
