/** What a bench has to say beside its figures: standard output belongs to those. */
export function say(line: string): void {
  process.stderr.write(`cepa: ${line}\n`);
}
