/**
 * A producer, in a process of its own: adds so many events to a stream, and prints how many were added in which millisecond, by
 * the clock of Redis. Its commands are written as they are, in one piece for each of its turns, so that it takes little of the
 * cores that it shares.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { assert } from "#runtime/errors.ts";

export interface PublishOrder {
  readonly socket: string;
  readonly login: readonly [user: string, secret: string];
  readonly stream: string;
  readonly token: string;
  readonly subjectId: string;
  readonly count: number;
  /** Events a second; undefined: as fast as it can. */
  readonly rate: number | undefined;
  /** It waits while the stream has more entries, among them those of the last second that are done; undefined: it does not. */
  readonly lengthMax: number | undefined;
}

/** How many were added in which millisecond since 1970. */
export type Published = readonly (readonly [ms: number, count: number])[];

const TURN_COUNT = 200;
const TURN_MS = 10;
const EVENT_BYTES = 600;

const order = JSON.parse(process.argv[2] ?? "") as PublishOrder;
const socket = connect(order.socket);
await once(socket, "connect");
const replies = repliesOf(socket);
await ask(`AUTH ${order.login.join(" ")}`);
const added = new Map<number, number>();
const eventOf = events();
const turnCount = order.rate === undefined ? TURN_COUNT : Math.max(1, Math.round((order.rate * TURN_MS) / 1000));
const startedMs = performance.now();
for (let done = 0; done < order.count; done += turnCount) {
  if (order.rate !== undefined) await pause(Math.max(0, startedMs + (done * 1000) / order.rate - performance.now()));
  if (order.lengthMax !== undefined && done % (turnCount * 10) === 0) await notTooFar(order.lengthMax);
  const count = Math.min(turnCount, order.count - done);
  let text = "";
  for (let at = 0; at < count; at += 1) text += addOf(eventOf());
  socket.write(text, "latin1");
  for (let at = 0; at < count; at += 1) {
    const reply = await replies.next();
    const ms = Number(/^(\d{10,})-\d+$/.exec(reply)?.[1]);
    assert(ms > 0, `an entry, and not ${reply}`);
    added.set(ms, (added.get(ms) ?? 0) + 1);
  }
}
process.stdout.write(`${JSON.stringify([...added])}\n`);
socket.destroy();

async function ask(line: string): Promise<string> {
  socket.write(`${line}\r\n`);
  return await replies.next();
}

async function notTooFar(lengthMax: number): Promise<void> {
  while (Number(await ask(`XLEN ${order.stream}`)) > lengthMax) await pause(TURN_MS);
}

/** One after another: what follows `+` or `:`, or the text of a bulk reply. */
function repliesOf(from: Socket): { next(): Promise<string> } {
  let rest = "";
  const lines: string[] = [];
  let at = 0;
  let wake: () => void = () => undefined;
  from.setEncoding("latin1").on("data", (text: string) => {
    const parts = (rest + text).split("\r\n");
    rest = parts.pop() ?? "";
    if (at > 10_000) lines.splice(0, at);
    if (at > 10_000) at = 0;
    lines.push(...parts);
    wake();
  });
  const line = async (): Promise<string> => {
    while (at >= lines.length) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    at += 1;
    return lines[at - 1] ?? "";
  };
  return {
    async next() {
      const first = await line();
      if (first.startsWith("$")) return await line();
      assert(!first.startsWith("-"), first);
      return first.slice(1);
    },
  };
}

function addOf(event: string): string {
  return `*7\r\n$4\r\nXADD\r\n$${order.stream.length}\r\n${order.stream}\r\n$1\r\n*\r\n$7\r\npayload\r\n$${event.length}\r\n${event}\r\n$5\r\ntoken\r\n$${order.token.length}\r\n${order.token}\r\n`;
}

/** Trades of one symbol, with ids of version 7. */
function events(): () => string {
  const run = `${Date.now().toString(16).padStart(12, "0")}`.replace(/^(.{8})(.{4})$/, "$1-$2-7");
  const high = (process.pid % 4096).toString(16).padStart(3, "0");
  let count = 0;
  return () => {
    count += 1;
    const id = `${run}${high}-8000-${count.toString(16).padStart(12, "0")}`;
    const ts = new Date().toISOString().replace("Z", `${String(count % 1_000_000).padStart(6, "0")}Z`);
    const head = `{"event_id":"${id}","ts":"${ts}","subject_id":"${order.subjectId}","payload":{"price":${(60_000 + (count % 999)) / 10},"size":${(count % 97) + 0.25},"side":"${count % 2 === 0 ? "buy" : "sell"}","trade":${count},"venue":"bench","note":"`;
    const tail = `"},"tags":[{"key":"core.symbol","value":"BTCUSDT"}]}`;
    return `${head}${"x".repeat(Math.max(0, EVENT_BYTES - head.length - tail.length))}${tail}`;
  };
}
