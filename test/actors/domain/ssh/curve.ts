/**
 * The curve of Ed25519 (RFC 8032 §5.1) in the plainest arithmetic there is: enough to say which points have small order.
 */

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = modulo(-121665n * inverse(121666n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

const NEUTRAL: Point = { x: 0n, y: 1n };

/** The eight points whose order divides 8. */
export function pointsOfSmallOrder(): readonly Point[] {
  for (let y = 2n; ; y += 1n) {
    const point = pointWith(y);
    const small = point === undefined ? NEUTRAL : times(L, point);
    const multiples = Array.from({ length: 8 }, (_, factor) => times(BigInt(factor), small));
    if (new Set(multiples.map(({ x, y }) => `${x},${y}`)).size === 8) return multiples;
  }
}

/** Every way in which 32 bytes can stand for the point: y as it is, or too large by the prime; a sign for an x of 0. */
export function spellingsOf({ x, y }: Point): readonly Buffer[] {
  const signs = x === 0n ? [0n, 1n] : [x & 1n];
  return [y, y + P].filter((value) => value < 2n ** 255n).flatMap((value) => signs.map((sign) => spell(value, sign)));
}

/** The 32 bytes of a y and the sign of its x. */
export function spell(y: bigint, sign: bigint): Buffer {
  return Buffer.from((y + (sign << 255n)).toString(16).padStart(64, "0"), "hex").reverse();
}

/** The prime of the field, and the order of the group that is used. */
export const FIELD_PRIME: bigint = P;
export const GROUP_ORDER: bigint = L;

function pointWith(y: bigint): Point | undefined {
  const square = modulo((y * y - 1n) * inverse(D * y * y + 1n));
  const root = power(square, (P + 3n) / 8n);
  return [root, modulo(root * ROOT_OF_MINUS_ONE)].flatMap((x) => (modulo(x * x) === square ? [{ x, y }] : []))[0];
}

function times(factor: bigint, point: Point): Point {
  let sum = NEUTRAL;
  for (const bit of factor.toString(2)) {
    sum = plus(sum, sum);
    if (bit === "1") sum = plus(sum, point);
  }
  return sum;
}

function plus(left: Point, right: Point): Point {
  const product = D * left.x * right.x * left.y * right.y;
  const x = (left.x * right.y + left.y * right.x) * inverse(1n + product);
  const y = (left.y * right.y + left.x * right.x) * inverse(1n - product);
  return { x: modulo(x), y: modulo(y) };
}

function inverse(value: bigint): bigint {
  let [rest, next] = [modulo(value), P];
  let [factor, following] = [1n, 0n];
  while (next !== 0n) {
    const times = rest / next;
    [rest, next] = [next, rest - times * next];
    [factor, following] = [following, factor - times * following];
  }
  return modulo(factor);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) result = modulo(result * result * (bit === "1" ? base : 1n));
  return result;
}

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P;
}
