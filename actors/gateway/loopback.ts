/** Which addresses stay on this machine. */

/** An IP address that no other machine can have, also where an IPv6 socket writes an IPv4 address its own way. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(address);
}
