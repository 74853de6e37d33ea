/** What it means to a caller that a change of what is kept was not made. */
import { journalDamaged, type StorageJournalDamaged } from "#actors/domain/journal-damage.ts";
import { writeFailure } from "#actors/storage/packs/pack-write.ts";
import type { StorageFull, WriteFailed } from "#actors/storage/protocol.ts";
import type { Space } from "#actors/storage/space.ts";
import type { OpenFailure } from "#runtime/journal/held-journal.ts";
import type { AppendFailure } from "#runtime/journal/journal.ts";

export async function keepRefused(
  failure: AppendFailure | OpenFailure,
  space: Space,
): Promise<StorageFull | WriteFailed | StorageJournalDamaged> {
  switch (failure.code) {
    case "journal.closed":
      if (failure.cause !== undefined) return await writeFailure(failure.cause, space);
      return { code: "storage.write-failed", errno: "ECANCELED" };
    case "journal.busy":
      return { code: "storage.write-failed", errno: "EAGAIN" };
    case "journal.damaged":
      return journalDamaged("keeps", failure);
    case "journal.record-too-large":
      return { code: "storage.write-failed", errno: "EBADMSG" };
    default:
      return await writeFailure(failure, space);
  }
}
