/** The commands of administrators, a part of `program.ts`: who may publish, and who may not any more. */
import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { type AdminFlags, adminCommand, adminOf, askingCommand, examples } from "#cli/admin-options.ts";
import { readNotEmpty } from "#cli/arguments.ts";
import type { Outcome } from "#cli/failure.ts";

/** `answer` takes what a command came to. */
export function addAuth(program: Command, answer: (outcome: Outcome) => void): void {
  const auth = program
    .command("auth")
    .description("Who may publish: authorities, keys of producers, tokens, subjects. For administrators.")
    .addHelpText("after", "\nExamples:\n  $ cepa auth init --out trust\n  $ cepa auth pending --admin trust");

  auth
    .command("init")
    .description("Make authorities, an administrator's certificates and a configuration that trusts them.")
    .requiredOption("--out <dir>", "where the files are written; none that is there is written over", readNotEmpty)
    .option("--host <name...>", "names and addresses under which administrators reach the node", readHost)
    .option("--json", "one JSON object: the directory and the files in it")
    .addHelpText("after", examples(["auth init --out trust", "auth init --out trust --host admin.example.org"]))
    .action(async (options: { readonly out: string; readonly host?: readonly string[]; readonly json?: boolean }) => {
      const { authInit } = await import("#cli/auth-init.ts");
      answer(await authInit(options));
    });

  const askNode = (usage: string, description: string, ...lines: readonly string[]): Command =>
    askingCommand(auth, usage, description, lines).option("--json", "one JSON object a line");

  askNode(
    "pending",
    "List the keys that wait for a review, the newest first.",
    "auth pending --admin trust",
    "auth pending --all --json | jq -r .fingerprint",
  )
    .option("--all", "all keys, and how they are")
    .action(async (options: AdminFlags & { readonly all?: boolean }, command: Command) => {
      const { pending } = await import("#cli/auth-keys.ts");
      answer(await pending({ ...options, admin: adminOf(options, command) }));
    });

  askNode(
    "approve",
    "Let a key in that waits. One that its producer had before is superseded.",
    "auth approve 62hEfMrc --admin trust",
  )
    .argument("<fingerprint>", "of the key, or at least its first eight characters", readNotEmpty)
    .option("--producer <id>", "whose it is, for a whole fingerprint that is not to be looked up", readNotEmpty)
    .option("--notes <text>", "for others who review", readNotEmpty)
    .action(async (name: string, options: AdminFlags & ReviewFlags, command: Command) => {
      const { approve } = await import("#cli/auth-keys.ts");
      answer(await approve(name, { ...options, admin: adminOf(options, command) }));
    });

  askNode(
    "deny",
    "Shut a key out, whatever it was. Its tokens count no longer.",
    "auth deny 62hEfMrc --reason 'not ours' --admin trust",
  )
    .argument("<fingerprint>", "of the key, or at least its first eight characters", readNotEmpty)
    .option("--producer <id>", "whose it is, for a whole fingerprint that is not to be looked up", readNotEmpty)
    .option("--reason <text>", "for the producer", readNotEmpty)
    .action(async (name: string, options: AdminFlags & ReviewFlags, command: Command) => {
      const { deny } = await import("#cli/auth-keys.ts");
      answer(await deny(name, { ...options, admin: adminOf(options, command) }));
    });

  askNode(
    "revoke",
    "Revoke a token, or with --key a key with all its tokens.",
    "auth revoke 01K76AVR00000000000000000A --admin trust",
    "auth revoke --key 62hEfMrc --reason stolen --admin trust",
  )
    .argument("<name>", "the jti of a token, or the token; with --key a fingerprint", readNotEmpty)
    .option("--key", "it is the fingerprint of a key, or at least its first eight characters")
    .option("--reason <text>", "why, for others", readNotEmpty)
    .action(async (name: string, options: AdminFlags & ReviewFlags & { readonly key?: boolean }, command: Command) => {
      const { jtiOf, revoke } = await import("#cli/auth-keys.ts");
      if (options.key !== true && jtiOf(name) === undefined) {
        command.error(
          "error: a token is named by its jti, 26 characters like 01K76AVR00000000000000000A, or by itself",
        );
      }
      answer(await revoke(name, { ...options, admin: adminOf(options, command) }));
    });

  askNode(
    "bindings",
    "List the producers that wait to be let write about somebody else's subject, the oldest first.",
    "auth bindings --admin trust",
    "auth bindings --json | jq -r '[.producer_id, .subject_id] | @tsv'",
  ).action(async (options: AdminFlags, command: Command) => {
    const { listBindings } = await import("#cli/auth-bindings.ts");
    answer(await listBindings({ ...options, admin: adminOf(options, command) }));
  });

  askNode(
    "bind",
    "Let a producer write about a subject, whether or not it has asked.",
    `auth bind ${SOME_PAIR} --admin trust`,
  )
    .argument("<producer>", "its id, as bindings lists it", readUuid)
    .argument("<subject>", "its id, as bindings lists it", readUuid)
    .action(async (producerId: string, subjectId: string, options: AdminFlags, command: Command) => {
      const { bind } = await import("#cli/auth-bindings.ts");
      answer(await bind(producerId, subjectId, { ...options, admin: adminOf(options, command) }));
    });

  askNode(
    "unbind",
    "Shut a producer out from a subject, also one that was its own. What it has published stays.",
    `auth unbind ${SOME_PAIR} --admin trust`,
  )
    .argument("<producer>", "its id, as bindings lists it", readUuid)
    .argument("<subject>", "its id, as bindings lists it", readUuid)
    .action(async (producerId: string, subjectId: string, options: AdminFlags, command: Command) => {
      const { unbind } = await import("#cli/auth-bindings.ts");
      answer(await unbind(producerId, subjectId, { ...options, admin: adminOf(options, command) }));
    });

  adminCommand(
    auth,
    "rotate-ca",
    "Make another authority of producers beside the one that there is; the configuration trusts both.",
    ["auth rotate-ca --admin trust"],
  )
    .option("--json", "one JSON object: the directory and the new files in it")
    .action(async (options: AdminFlags, command: Command) => {
      const { rotateAuthority } = await import("#cli/auth-rotate.ts");
      answer(await rotateAuthority({ ...options, admin: adminOf(options, command) }));
    });
}

interface ReviewFlags {
  readonly producer?: string;
  readonly notes?: string;
  readonly reason?: string;
}

/** For examples: a producer and a subject. */
const SOME_PAIR = "3b1f0f52-6c5e-4d0b-9a3e-0d5a4f3c2b1a 8f14e45f-ceea-467f-a8d1-2f3c4b5a6978";

function readUuid(text: string): string {
  const id = text.toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  throw new InvalidArgumentError("It is a UUID, as cepa auth bindings lists it.");
}

/** Adds to those before it. */
function readHost(text: string, before: readonly string[] = []): readonly string[] {
  const isName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(text);
  if (text.length <= 253 && !text.includes("%") && (isIP(text) !== 0 || isName)) return [...before, text];
  throw new InvalidArgumentError("It is a host name, or an address.");
}
