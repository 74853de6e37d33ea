/**
 * The order of the keys in a document that is signed. Two are in use: RFC 8785 sorts by UTF-16 code units; Python, Go and jq
 * by code points, which is the order of UTF-8 too. They differ where a character above U+FFFF stands against one from
 * U+E000 on. A document may have either, and the same throughout.
 */

/** Which orders the keys of a document have kept so far. They are unescaped and well-formed. */
export class KeyOrder {
  #isByUnits = true;
  #isByCodePoints = true;

  /** Takes note of `key` behind `previous`, which is another. Answers whether there is an order that all have kept. */
  admits(previous: string, key: string): boolean {
    const at = firstDifference(previous, key);
    // What a key begins with comes before it, in both orders.
    if (at === previous.length) return true;
    if (at === key.length) return false;
    const [before, after] = [previous.charCodeAt(at), key.charCodeAt(at)];
    this.#isByUnits &&= before < after;
    this.#isByCodePoints &&= rankOf(before) < rankOf(after);
    return this.#isByUnits || this.#isByCodePoints;
  }
}

function firstDifference(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at;
}

/** Surrogates spell the code points above all those of one unit. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
