/** One question to Postgres over its socket, in the simplest words that it understands. */
import { connect } from "node:net";

/** The values of all rows, as text; what it says against the question is thrown. */
export async function ask(socket: string, sql: string): Promise<readonly string[]> {
  const connection = connect(socket);
  const values: string[] = [];
  let held = Buffer.alloc(0);
  let hasAsked = false;
  connection.write(startup("cepa", "postgres"));
  for await (const bytes of connection) {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 5 && held.length >= 1 + held.readInt32BE(1)) {
      const end = 1 + held.readInt32BE(1);
      const [kind, body] = [String.fromCharCode(held[0] ?? 0), held.subarray(5, end)];
      held = held.subarray(end);
      if (kind === "E") throw new Error(body.toString().replaceAll("\0", " "));
      if (kind === "D") values.push(...fieldsOf(body));
      if (kind !== "Z") continue;
      if (hasAsked) connection.destroy();
      else connection.write(query(sql));
      hasAsked = true;
    }
    if (connection.destroyed) break;
  }
  return values;
}

function startup(user: string, database: string): Buffer {
  const words = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + words.length, 0);
  head.writeInt32BE(0x0003_0000, 4);
  return Buffer.concat([head, words]);
}

function query(sql: string): Buffer {
  const words = Buffer.from(`${sql}\0`);
  const head = Buffer.alloc(5);
  head.write("Q");
  head.writeInt32BE(4 + words.length, 1);
  return Buffer.concat([head, words]);
}

function fieldsOf(body: Buffer): readonly string[] {
  const fields: string[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at);
    at += 4;
    fields.push(body.subarray(at, at + Math.max(0, length)).toString());
    at += Math.max(0, length);
  }
  return fields;
}
