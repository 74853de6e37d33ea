/**
 * `cepa auth rotate-ca`: a new authority of producers beside those that there are, and a configuration that trusts all of them.
 *
 * Nothing stops to count: who was certified by the one before is let in as long as the configuration names that. A node reads
 * a changed configuration by itself.
 */
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeNew } from "#cli/auth-init.ts";
import { print } from "#cli/console.ts";
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { writeOwn } from "#cli/own-file.ts";
import { makeProducerAuthority, TRUST_FILES, tomlText } from "#cli/trust-files.ts";
import { isRecord } from "#client/wire.ts";
import { parseToml } from "#runtime/config/toml.ts";
import { fail, ok } from "#runtime/errors.ts";

export interface RotateOptions {
  readonly admin: string;
  readonly json?: boolean;
}

/** Authorities in one configuration: more than one is for the time between an old one and a new one. */
export const PRODUCER_AUTHORITIES_MAX = 16;

const LINE = /^producerAuthority = \[(.*)\]$/m;

export async function rotateAuthority({ admin, json }: RotateOptions): Promise<Outcome> {
  const directory = resolve(admin);
  const config = join(directory, TRUST_FILES.config);
  const read = readConfig(config);
  if (!read.ok) return read;
  const name = freeName(directory);
  if (name === undefined) {
    const message = `${directory} has ${PRODUCER_AUTHORITIES_MAX} authorities of producers: take those away that nobody needs`;
    return fail({ code: "cli.file-exists", message });
  }
  const line = join(directory, `${name}.pub`);
  const changed = withAuthority(config, read.value, line);
  if (!changed.ok) return changed;

  // The configuration last: it names what is there.
  const written = writeNew(directory, await makeProducerAuthority(name));
  if (!written.ok) return written;
  try {
    writeOwn(config, changed.value, renameSync, 0o644);
  } catch (error) {
    return fail({ code: "cli.file-unwritable", message: `${config}: ${reasonOf(error)}` });
  }
  if (json === true) print(JSON.stringify({ directory, files: [name, `${name}.pub`] }));
  else for (const said of tale(directory, name)) print(said);
  return ok();
}

/** The text with one more authority, where that is all that it changes. */
function withAuthority(path: string, text: string, line: string): Outcome<string> {
  const changed = text.replace(LINE, (_, before: string) => {
    return `producerAuthority = [${before.trim() === "" ? "" : `${before}, `}${tomlText(line)}]`;
  });
  const [old, now] = [authoritiesIn(path, text), authoritiesIn(path, changed)];
  if (old !== undefined && isDeepStrictEqual(now, [...old, line])) return ok(changed);
  const message = `${path} names its authorities in another way than cepa auth init writes it: name a new one by hand`;
  return fail({ code: "cli.file-unreadable", message });
}

function authoritiesIn(path: string, text: string): readonly unknown[] | undefined {
  const parsed = parseToml(path, Buffer.from(text));
  const auth = parsed.ok ? parsed.value["auth"] : undefined;
  const named = isRecord(auth) ? auth["producerAuthority"] : undefined;
  return Array.isArray(named) ? named : undefined;
}

function readConfig(path: string): Outcome<string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (error) {
    return fail({ code: "cli.file-unreadable", message: `${path}: ${reasonOf(error)}` });
  }
}

function freeName(directory: string): string | undefined {
  const names = Array.from(
    { length: PRODUCER_AUTHORITIES_MAX },
    (_, at) => `${TRUST_FILES.producerAuthority}.${at + 2}`,
  );
  return names.find((name) => !existsSync(join(directory, name)) && !existsSync(join(directory, `${name}.pub`)));
}

function tale(directory: string, name: string): readonly string[] {
  return [
    `made ${join(directory, name)}, and ${TRUST_FILES.config} names it beside those before`,
    "",
    "A node that runs with that file takes both as soon as it says that this version is in force, within seconds.",
    "Certify producers with the new one:",
    `  $ ssh-keygen -s ${join(directory, name)} -I NAME -n fdc-producer -V +52w producer.pub`,
    "When all are, take the old one out of producerAuthority.",
  ];
}
