/**
 * A proxy in front of a server that comes to steps: what is said at one is held, with all that is said behind it on that
 * connection, until the watch says what becomes of it. Other connections go on.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after } from "node:test";
import { RedisTalk } from "#test/kit/steps/redis-talk.ts";
import { SqlTalk } from "#test/kit/steps/sql-talk.ts";
import type { ServerName, StepWatch } from "#test/kit/steps/step.ts";
import type { Part } from "#test/kit/steps/talk.ts";

/** Port of the loopback interface; behind it is the server whose Unix socket is at `path`. It ends when the tests of the file have. */
export async function startStepProxy(server: ServerName, path: string, watch: StepWatch): Promise<number> {
  const sockets = new Set<Socket>();
  const proxy = createServer((node) => {
    const upstream = connect(path);
    const talk = server === "redis" ? new RedisTalk() : new SqlTalk();
    const breakBoth = (): void => {
      for (const socket of [node, upstream]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [node, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", breakBoth);
      socket.on("close", breakBoth);
    }
    let passing: Promise<void> = Promise.resolve();
    const pass = async ({ to, bytes, step }: Part): Promise<void> => {
      const fate = step === undefined ? "pass" : await watch.come(step, server);
      if (fate === "cut") breakBoth();
      const target = to === "server" ? upstream : node;
      if (!target.destroyed) target.write(bytes);
    };
    const passAll = (parts: readonly Part[]): void => {
      for (const part of parts) passing = passing.then(() => pass(part));
    };
    node.on("data", (bytes: Buffer) => passAll(talk.fromNode(bytes)));
    upstream.on("data", (bytes: Buffer) => passAll(talk.fromServer(bytes)));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return (proxy.address() as AddressInfo).port;
}
