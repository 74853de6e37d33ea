/** What others feel of work in the background: durable puts of 4 KiB, one after another, for as long as it goes on. */
import { randomFillSync } from "node:crypto";
import { putOne } from "#bench/growth/fill.ts";
import { HttpConnection } from "#bench/http-connection.ts";
import { KiB } from "#runtime/units.ts";

/** How long each put took, ms; the last was under way when the work ended. */
export async function besidePuts(port: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const connection = await HttpConnection.open(port);
  const body = Buffer.allocUnsafe(4 * KiB);
  const latenciesMs: number[] = [];
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  const puts = async (): Promise<void> => {
    do {
      randomFillSync(body);
      const beganMs = performance.now();
      await putOne(connection, body);
      latenciesMs.push(performance.now() - beganMs);
    } while (!isOver);
  };
  await Promise.all([working, puts()]);
  connection.close();
  return latenciesMs;
}
