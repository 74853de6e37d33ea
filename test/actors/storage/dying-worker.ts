/** A worker file whose threads die of every task. */
export function runTask(): never {
  process.exit(7);
}
