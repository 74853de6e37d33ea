/** Clients of a soak that put objects, read some of them, and remove the oldest: each object is a function of its number. */
import { createCipheriv, randomBytes } from "node:crypto";
import { type Answer, HttpConnection } from "#bench/http-connection.ts";
import { ObjectAccount } from "#chaos/soak/object-account.ts";
import { startDigest } from "#cli/digest.ts";
import { KiB, MiB } from "#runtime/units.ts";

const CONNECTIONS = 8;
const READ_EVERY = 4;
/** These come by another way than small ones: to packs of their own while they are written. */
const LARGE_EVERY = 200;
const LARGE_BYTES: number = 1.5 * MiB;
const SMALL_KIB_MAX = 8;

export class SoakObjects {
  readonly account: ObjectAccount;
  readonly #port: number;
  readonly #key: Uint8Array = randomBytes(16);
  #sentBytes = 0;

  constructor(url: string, objectCount: number) {
    this.#port = Number(new URL(url).port);
    this.account = new ObjectAccount(objectCount);
  }

  /** Of objects that were put. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Puts so many, on connections of their own, reads and removes beside it. */
  async work(count: number): Promise<void> {
    let left = count;
    await this.#each(async (connection) => {
      while (left > 0) {
        left -= 1;
        const number = this.account.next();
        if (number === undefined) return;
        const address = await this.#put(connection, number);
        if (address === undefined) continue;
        if (isLarge(number)) this.account.answeredKept(number, await get(connection, address));
        else if (number % READ_EVERY === 0) await this.#readOne(connection);
        await this.#removeFor(connection, number);
      }
    });
  }

  /** All of them: those that are kept whole, and those that are not. */
  async readAll(): Promise<void> {
    const all = this.account.all();
    await this.#each(async (connection) => {
      for (const { number, address, isKept } of all) {
        const answer = await get(connection, address);
        if (isKept) this.account.answeredKept(number, answer);
        else this.account.answeredRemoved(number, answer);
      }
    });
  }

  async #each(work: (connection: HttpConnection) => Promise<void>): Promise<void> {
    const one = async (): Promise<void> => {
      const connection = await HttpConnection.open(this.#port);
      try {
        await work(connection);
      } finally {
        connection.close();
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
  }

  async #put(connection: HttpConnection, number: number): Promise<string | undefined> {
    const body = this.#body(number);
    const address = addressOf(body);
    const { status, body: said } = await connection.request("PUT /put HTTP/1.1", body);
    if (status !== 201 || !said.includes(address)) {
      this.account.refused(`the put of object ${number} was answered ${status}: ${said.toString().slice(0, 200)}`);
      return undefined;
    }
    this.#sentBytes += body.length;
    this.account.put(number, address);
    return address;
  }

  async #readOne(connection: HttpConnection): Promise<void> {
    const kept = this.account.nextRead();
    if (kept !== undefined) this.account.answeredKept(kept.number, await get(connection, kept.address));
  }

  async #removeFor(connection: HttpConnection, number: number): Promise<void> {
    const oldest = this.account.goesFor(number);
    if (oldest === undefined) return;
    const { status } = await connection.request(`DELETE /o/${oldest.address} HTTP/1.1`);
    if (status === 200) this.account.removed(oldest.number);
    else this.account.refused(`the removal of object ${oldest.number} was answered ${status}`);
  }

  #body(number: number): Buffer {
    const nonce = Buffer.alloc(16);
    nonce.writeUInt32BE(number, 0);
    const sizeBytes = isLarge(number) ? LARGE_BYTES : (1 + (number % SMALL_KIB_MAX)) * KiB;
    return createCipheriv("aes-128-ctr", this.#key, nonce).update(Buffer.alloc(sizeBytes));
  }
}

function isLarge(number: number): boolean {
  return number % LARGE_EVERY === 0;
}

async function get(connection: HttpConnection, address: string) {
  const { status, body }: Answer = await connection.request(`GET /o/${address} HTTP/1.1`);
  return { status, address: status === 200 ? addressOf(body) : undefined };
}

function addressOf(bytes: Uint8Array): string {
  const digest = startDigest();
  digest.update(bytes);
  return digest.address();
}
