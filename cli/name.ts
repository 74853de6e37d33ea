/**
 * What `get` and `stat` are asked for: an address, or a private link.
 *
 * A link holds a key, and the arguments of a process are seen by every user of its machine and kept in the history of
 * the shell. So `-` stands for a name on standard input, and a title without the key is put over the arguments at once.
 */
import { type Outcome, reasonOf } from "#cli/failure.ts";
import { LINK_FORM, type PrivateLink, parseLink, withoutKeys } from "#client/link.ts";
import { isAddress } from "#client/wire.ts";
import { fail, ok } from "#runtime/errors.ts";

/** Of standard input, where a name is read from it. */
export const NAME_LENGTH_MAX = 256;

/** Either of the two. */
export type ObjectName =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "link"; readonly link: PrivateLink };

/** For help and errors. */
export const NAME_FORM: string = `an address (b3: and 64 hex digits in lower case) or a private link (${LINK_FORM})`;

/** Undefined when it is neither. */
export function parseName(text: string): ObjectName | undefined {
  if (isAddress(text)) return { kind: "address", address: text };
  const link = parseLink(text);
  return link === undefined ? undefined : { kind: "link", link };
}

/** The first line of `input`. */
export async function readName(input: AsyncIterable<Uint8Array>): Promise<Outcome<ObjectName>> {
  let text = "";
  try {
    for await (const piece of input) {
      text += Buffer.from(piece).toString("latin1");
      if (text.includes("\n") || text.length > NAME_LENGTH_MAX) break;
    }
  } catch (error) {
    return fail({ code: "cli.bad-name", message: `standard input cannot be read: ${reasonOf(error)}` });
  }
  const name = parseName(text.split("\n", 1).join("").trim());
  return name === undefined
    ? fail({ code: "cli.bad-name", message: `standard input does not begin with ${NAME_FORM}` })
    : ok(name);
}

/** Called once, first. */
export function hideKeys(argv: readonly string[]): void {
  const line = ["cepa", ...argv].join(" ");
  const shown = withoutKeys(line);
  if (shown !== line) process.title = shown;
}
