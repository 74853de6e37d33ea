/**
 * Fills a store with objects that have nothing in common: three quarters of the bytes in objects of 4 MiB, one after the other so
 * that they lie in packs in their order, and the rest in objects of 32 KiB.
 */
import { randomFillSync } from "node:crypto";
import { HttpConnection } from "#bench/http-connection.ts";
import { parseFacts } from "#client/wire.ts";
import { GiB, KiB, MiB } from "#runtime/units.ts";

interface Class {
  readonly sizeBytes: number;
  /** Of the bytes of the store. */
  readonly share: number;
  readonly connectionCount: number;
}

const CLASSES: readonly Class[] = [
  { sizeBytes: 4 * MiB, share: 0.75, connectionCount: 1 },
  { sizeBytes: 32 * KiB, share: 0.25, connectionCount: 32 },
];

/** The addresses of each class in the order in which they were answered: about that of their places in packs. */
export async function fill(port: number, gib: number): Promise<readonly (readonly string[])[]> {
  return await Promise.all(CLASSES.map((one) => fillClass(port, one, gib * GiB)));
}

async function fillClass(
  port: number,
  { sizeBytes, share, connectionCount }: Class,
  storeBytes: number,
): Promise<readonly string[]> {
  const addresses: string[] = [];
  let left = Math.round((storeBytes * share) / sizeBytes);
  const putter = async (): Promise<void> => {
    const connection = await HttpConnection.open(port);
    const body = Buffer.allocUnsafe(sizeBytes);
    while (left > 0) {
      left -= 1;
      addresses.push(await putOne(connection, randomFillSync(body)));
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connectionCount }, putter));
  return addresses;
}

/** Answers with its address. It throws where it was not new. */
export async function putOne(connection: HttpConnection, body: Uint8Array): Promise<string> {
  const { status, body: answer } = await connection.request("PUT /put HTTP/1.1", body);
  const address = parseFacts(answer.toString())?.address;
  if (status !== 201 || address === undefined) throw new Error(`a put was answered ${status}: ${answer}`);
  return address;
}
