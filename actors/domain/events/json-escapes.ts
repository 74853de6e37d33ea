/**
 * What is JSON and no text of Postgres: the character zero, and halves of surrogate pairs without the other half.
 *
 * In a text that `JSON.parse` took a zero is there as an escape alone, `\u0000`; a half may be there as it is too.
 */

export function isStorable(text: string): boolean {
  return text.isWellFormed() && !hasUnstorableEscape(text);
}

/** Few texts have an escape by number at all: all others cost one search. */
function hasUnstorableEscape(text: string): boolean {
  if (!text.includes("\\u")) return false;
  let at = text.indexOf("\\");
  while (at >= 0) {
    const unit = unitAt(text, at);
    if (unit === 0 || isSecondHalf(unit)) return true;
    const isPair = isFirstHalf(unit);
    // The other half is an escape too: as it is, it would be alone, and the text not well-formed.
    if (isPair && !isSecondHalf(unitAt(text, at + UNIT_LENGTH))) return true;
    const length = unit === undefined ? PLAIN_LENGTH : isPair ? 2 * UNIT_LENGTH : UNIT_LENGTH;
    at = text.indexOf("\\", at + length);
  }
  return false;
}

/** Characters of `\n`. */
const PLAIN_LENGTH = 2;
/** Characters of `\u0041`. */
const UNIT_LENGTH = 6;

/** The UTF-16 unit that is escaped at `at`; undefined where none is. */
function unitAt(text: string, at: number): number | undefined {
  return text.startsWith("\\u", at) ? Number.parseInt(text.slice(at + 2, at + UNIT_LENGTH), 16) : undefined;
}

function isFirstHalf(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xd800 && unit <= 0xdbff;
}

function isSecondHalf(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff;
}
