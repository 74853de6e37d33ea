/** Texts as every database takes them. */

/** `text` with U+FFFD for what is no text to a database: U+0000 and lone surrogates. */
export function legible(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{fffd}");
}
