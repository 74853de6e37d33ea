/**
 * The load generator: many connections, each with one small request after another, in a process of its own so that it
 * shares no event loop with what it measures.
 *
 * Started by `bench/small-objects.ts` with its orders as JSON in its argument; prints one line of JSON. An answer counts
 * when its status and length are right; one that is not ends the run. The digest is compared for one answer in
 * `DIGEST_EVERY`.
 */
import { HttpConnection } from "#bench/http-connection.ts";
import {
  cycle,
  DIGEST_EVERY,
  generateLoad,
  type LoadShape,
  NAMES_MAX,
  newBodies,
  type Requester,
} from "#bench/load-shape.ts";
import { startDigest } from "#cli/digest.ts";

export interface Orders extends LoadShape {
  readonly kind: "put" | "get";
  readonly port: number;
  /** For `get`: path and address of every object that may be asked for. */
  readonly objects: readonly { readonly path: string; readonly address: string }[];
}

const orders = JSON.parse(process.argv[2] ?? "") as Orders;
const names: string[] = [];
const result = await generateLoad(orders, names, async (index) => {
  const connection = await HttpConnection.open(orders.port);
  const request = orders.kind === "put" ? putter(connection) : getter(connection, index);
  return { ...request, [Symbol.dispose]: () => connection.close() };
});
process.stdout.write(`${JSON.stringify(result)}\n`);

function putter(connection: HttpConnection): Requester {
  const nextBody = newBodies(orders.sizeBytes);
  let number = 0;
  return {
    request: async () => {
      const body = nextBody();
      number += 1;
      const answer = await connection.request("PUT /put HTTP/1.1", body);
      if (answer.status !== 201) throw new Error(`put answered ${answer.status}`);
      if (number % DIGEST_EVERY !== 1 && names.length >= NAMES_MAX) return;
      const address = addressOf(body);
      if (!answer.body.includes(address)) throw new Error("put answered with another address");
      if (names.length < NAMES_MAX) names.push(address);
    },
  };
}

function getter(connection: HttpConnection, index: number): Requester {
  const nextObject = cycle(orders.objects, index);
  let number = 0;
  return {
    request: async () => {
      const object = nextObject();
      number += 1;
      const answer = await connection.request(`GET ${object.path} HTTP/1.1`);
      const isRight = answer.status === 200 && answer.body.length === orders.sizeBytes;
      if (!isRight || (number % DIGEST_EVERY === 0 && addressOf(answer.body) !== object.address)) {
        throw new Error(`get answered ${answer.status} with other bytes`);
      }
    },
  };
}

function addressOf(bytes: Uint8Array): string {
  const digest = startDigest();
  digest.update(bytes);
  return digest.address();
}
