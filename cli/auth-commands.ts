/** The commands of administrators, a part of `program.ts`: who may publish, and who may not any more. */
import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { readNotEmpty } from "#cli/arguments.ts";
import type { Outcome } from "#cli/failure.ts";

/** `answer` takes what a command came to. */
export function addAuth(program: Command, answer: (outcome: Outcome) => void): void {
  const auth = program
    .command("auth")
    .description("Who may publish: authorities, keys of producers, tokens. For administrators.")
    .addHelpText("after", "\nExamples:\n  $ cepa auth init --out trust\n  $ cepa auth pending --admin trust");

  auth
    .command("init")
    .description("Make authorities, an administrator's certificates and a configuration that trusts them.")
    .requiredOption("--out <dir>", "where the files are written; none that is there is written over", readNotEmpty)
    .option("--host <name...>", "names and addresses under which administrators reach the node", readHost)
    .option("--json", "one JSON object: the directory and the files in it")
    .addHelpText("after", examples("auth init --out trust", "auth init --out trust --host admin.example.org"))
    .action(async (options: { readonly out: string; readonly host?: readonly string[]; readonly json?: boolean }) => {
      const { authInit } = await import("#cli/auth-init.ts");
      answer(await authInit(options));
    });
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ cepa ${line}`).join("\n")}`;
}

/** Adds to those before it. */
function readHost(text: string, before: readonly string[] = []): readonly string[] {
  const isName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(text);
  if (text.length <= 253 && !text.includes("%") && (isIP(text) !== 0 || isName)) return [...before, text];
  throw new InvalidArgumentError("It is a host name, or an address.");
}
