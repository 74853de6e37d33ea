/** What others feel of work in the background: durable puts of 4 KiB, one after another, for as long as it goes on. */
import { randomFillSync } from "node:crypto";
import { putOne } from "#bench/growth/fill.ts";
import { HttpConnection } from "#bench/http-connection.ts";
import { KiB } from "#runtime/units.ts";

export interface Felt<Value> {
  readonly value: Value;
  /** One a put; the last was under way when the work ended. */
  readonly latenciesMs: readonly number[];
}

export async function besidePuts<Value>(port: number, work: () => Promise<Value>): Promise<Felt<Value>> {
  const connection = await HttpConnection.open(port);
  const body = Buffer.allocUnsafe(4 * KiB);
  const latenciesMs: number[] = [];
  let isOver = false;
  const puts = async (): Promise<void> => {
    do {
      randomFillSync(body);
      const beganMs = performance.now();
      await putOne(connection, body);
      latenciesMs.push(performance.now() - beganMs);
    } while (!isOver);
  };
  const working = work().finally(() => {
    isOver = true;
  });
  const [value] = await Promise.all([working, puts()]);
  connection.close();
  return { value, latenciesMs };
}
