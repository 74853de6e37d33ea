/** An IP address as a certificate has it: 4 bytes, or 16. */
import { isIPv4 } from "node:net";

/** `text` is an address without a zone. */
export function addressBytes(text: string): Uint8Array {
  return isIPv4(text) ? Uint8Array.from(text.split("."), Number) : bytesOfV6(text);
}

function bytesOfV6(text: string): Uint8Array {
  // The parser of URLs writes every address in one way: groups in hex, the longest run of zeros left out.
  const [front = "", back] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const head = groupsOf(front);
  const tail = groupsOf(back ?? "");
  const groups = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
