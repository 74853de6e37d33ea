/** For tests that look into packs on a disk that refuses nothing. */
import type { OnUnreadable } from "#actors/storage/packs/pack-scan.ts";
import { fail, must } from "#runtime/errors.ts";

export const mustBeReadable: OnUnreadable = (failure) => {
  must(fail(failure), "a pack can be read");
};
