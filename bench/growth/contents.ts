/** What of a store goes, in two steps of a tenth, and what stays; and whether it is so. */
import { HttpConnection } from "#bench/http-connection.ts";
import { startDigest } from "#cli/digest.ts";

/** A tenth of the objects is two of three in so many of them. */
const PART = 0.15;
/** Objects that are looked at, of those that stay and of those that went. */
const SAMPLES_MAX = 100;

export interface Contents {
  /** Two of three in the first part, and in the part behind it: their packs keep a third. */
  readonly tenths: readonly [readonly string[], readonly string[]];
  readonly rest: readonly string[];
}

/** `classes` are addresses in the order of their places in packs. */
export function divide(classes: readonly (readonly string[])[]): Contents {
  const [first, second, rest]: [string[], string[], string[]] = [[], [], []];
  for (const addresses of classes) {
    for (const [at, address] of addresses.entries()) {
      const part = at / (PART * addresses.length);
      if (part >= 2 || at % 3 === 0) rest.push(address);
      else (part < 1 ? first : second).push(address);
    }
  }
  return { tenths: [first, second], rest };
}

export async function removeAll(port: number, addresses: readonly string[]): Promise<void> {
  const connection = await HttpConnection.open(port);
  for (const address of addresses) {
    const { status } = await connection.request(`DELETE /o/${address} HTTP/1.1`);
    if (status !== 200) throw new Error(`a removal was answered ${status}`);
  }
  connection.close();
}

/** It throws where what stays does not come back as it was, or something that went does. */
export async function check(port: number, { tenths, rest }: Contents): Promise<void> {
  const connection = await HttpConnection.open(port);
  for (const address of sampleOf(rest)) {
    const { status, body } = await connection.request(`GET /o/${address} HTTP/1.1`);
    const digest = startDigest();
    digest.update(body);
    if (status !== 200 || digest.address() !== address) throw new Error(`${address} did not come back: ${status}`);
  }
  for (const address of sampleOf(tenths.flat())) {
    const { status } = await connection.request(`GET /o/${address} HTTP/1.1`);
    if (status !== 404) throw new Error(`${address} was removed, and is answered ${status}`);
  }
  connection.close();
}

function sampleOf(addresses: readonly string[]): readonly string[] {
  const step = Math.ceil(addresses.length / SAMPLES_MAX);
  return addresses.filter((_, at) => at % step === 0);
}
