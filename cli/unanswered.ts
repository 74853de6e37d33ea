/**
 * What was signed for a name and may be on its way to a node: in a file beside the key from before it is sent until it is
 * answered, so that the next command sends it again, and signs nothing in its place. Only who has the key locked may be here.
 */
import { readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf, type Outcome, reasonOf } from "#cli/failure.ts";
import { writeOwn } from "#cli/own-file.ts";
import type { Unanswered } from "#client/client.ts";
import { type NameRecord, parseNameRecord } from "#client/name-record.ts";
import { parseJson } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Of one name, `<public key>/<label>`. Writing throws what the system refuses. */
export function unansweredBeside(keyFile: string, name: string): Outcome<Unanswered> {
  const file = join(dirname(keyFile), `${name.replace("/", ".")}.unanswered`);
  const last = readRecord(file);
  if (!last.ok) return last;
  return ok({
    get: () => last.value,
    set: (_name, record) => writeOwn(file, JSON.stringify({ v: 1, ...record }), renameSync),
    delete: () => rmSync(file, { force: true }),
  });
}

function readRecord(file: string): Outcome<NameRecord | undefined> {
  try {
    const record = parseNameRecord(parseJson(readFileSync(file, "utf8")));
    if (record !== undefined) return ok(record);
    const message = `${file} has no record of a name: what was sent last may be on its way, remove the file when it is not`;
    return fail({ code: "cli.file-unreadable", message });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return ok(undefined);
    return fail({ code: "cli.file-unreadable", message: `${file}: ${reasonOf(error)}` });
  }
}
