/** What all commands of administrators have on their lines: whose files, and which node. */
import { type Command, InvalidArgumentError } from "commander";
import type { AdminChoice } from "#cli/admin-node.ts";
import { readNotEmpty } from "#cli/arguments.ts";

export type AdminFlags = Omit<AdminChoice, "admin"> & { readonly admin?: string };

/** A command that has the files of `auth init`. */
export function adminCommand(group: Command, usage: string, description: string, lines: readonly string[]): Command {
  return group
    .command(usage)
    .description(description)
    .option("--admin <dir>", "the files of auth init (CEPA_ADMIN)", readNotEmpty)
    .addHelpText("after", examples(lines));
}

/** A command that asks a node, as an administrator. */
export function askingCommand(group: Command, usage: string, description: string, lines: readonly string[]): Command {
  return adminCommand(group, usage, description, lines)
    .option("--data <dir>", "the node's data directory (CEPA_DATA)", readNotEmpty)
    .option("--url <url>", "the node's URL (CEPA_URL)", readNotEmpty)
    .option("--admin-url <url>", "the URL of its listener for administrators, instead of what it says", readAdminUrl);
}

/** Where the files are. The line is wrong where nothing says so. */
export function adminOf({ admin }: AdminFlags, command: Command): string {
  const chosen = admin ?? process.env["CEPA_ADMIN"] ?? "";
  return chosen === ""
    ? command.error("error: say --admin DIR, where cepa auth init has written, or set CEPA_ADMIN")
    : chosen;
}

export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ cepa ${line}`).join("\n")}`;
}

function readAdminUrl(text: string): string {
  if (URL.canParse(text) && text.startsWith("https://") && new URL(text).pathname === "/") return text;
  throw new InvalidArgumentError("It is like https://127.0.0.1:7701.");
}
