/** Where producers look for what auth answers. */

export function registerAnswers(nonce: string): string {
  return `fdc:register:resp:${nonce}`;
}

export function tokenAnswers(producerId: string): string {
  return `fdc:token:resp:${producerId}`;
}
