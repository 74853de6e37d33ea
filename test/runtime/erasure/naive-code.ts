/**
 * The code as Backblaze's and klauspost's libraries define it: a Vandermonde matrix times the inverse of its own top, byte
 * by byte, with products by hand. It shares no code with the runtime.
 */

type Matrix = readonly (readonly number[])[];

/** Long multiplication of polynomials, taken modulo 0x11D at each step. */
export function naiveProduct(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product >= 128 ? 0x11d : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

/** Rows of all shards: the identity, then those of parity. */
export function codingMatrix(dataShards: number, shardCount: number): Matrix {
  const vandermonde = Array.from({ length: shardCount }, (_, row) =>
    Array.from({ length: dataShards }, (_, column) => power(row, column)),
  );
  return times(vandermonde, inverse(vandermonde.slice(0, dataShards)));
}

/** All shards of `data`, which are equally long. */
export function naiveShards(data: readonly Uint8Array[], shardCount: number): readonly Uint8Array[] {
  return codingMatrix(data.length, shardCount).map((row) =>
    Uint8Array.from({ length: data[0]?.length ?? 0 }, (_, at) =>
      row.reduce((sum, weight, shard) => sum ^ naiveProduct(weight, data[shard]?.[at] ?? 0), 0),
    ),
  );
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let count = 0; count < exponent; count += 1) result = naiveProduct(result, base);
  return result;
}

function times(left: Matrix, right: Matrix): Matrix {
  return left.map((row) =>
    Array.from({ length: right[0]?.length ?? 0 }, (_, column) =>
      row.reduce((sum, value, at) => sum ^ naiveProduct(value, right[at]?.[column] ?? 0), 0),
    ),
  );
}

/** Gauss and Jordan: beside the identity, until the left half is one. */
function inverse(matrix: Matrix): Matrix {
  const size = matrix.length;
  const work = matrix.map((row, at) => [...row, ...Array.from({ length: size }, (_, column) => Number(at === column))]);
  for (let column = 0; column < size; column += 1) {
    const pivot = work.findIndex((row, at) => at >= column && row[column] !== 0);
    const found = work[pivot] ?? [];
    work[pivot] = work[column] ?? [];
    const reciprocal = Array.from({ length: 256 }, (_, value) => value).find(
      (value) => naiveProduct(value, found[column] ?? 0) === 1,
    );
    const scaled = found.map((value) => naiveProduct(value, reciprocal ?? 0));
    for (const [at, row] of work.entries()) {
      const factor = row[column] ?? 0;
      if (at !== column) work[at] = row.map((value, index) => value ^ naiveProduct(factor, scaled[index] ?? 0));
    }
    work[column] = scaled;
  }
  return work.map((row) => row.slice(size));
}
