/** A connection that is reset is closed, whatever its end is up to. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { resetSocket } from "#runtime/real/reset-socket.ts";

function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}

/** What a client saw of a socket that a server did something with, and how many descriptors were left of both. */
async function seenBy(act: (socket: Socket) => void): Promise<{ code: string | undefined; leftCount: number }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const before = descriptorCount();
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let code: string | undefined;
  client.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code;
  });
  const [socket] = (await once(server, "connection")) as [Socket];
  socket.on("error", () => undefined);
  const closed = [once(socket, "close"), new Promise((resolve) => void client.once("close", resolve))];
  act(socket);
  client.resume();
  // Who sends learns of a reset for certain.
  const sending = setInterval(() => client.write("x"), 5);
  await Promise.all(closed);
  clearInterval(sending);
  const leftCount = descriptorCount() - before;
  server.close();
  await once(server, "close");
  return { code, leftCount };
}

describe("resetting a socket", () => {
  const whens: Readonly<Record<string, (socket: Socket) => void>> = {
    "that goes on": (socket) => resetSocket(socket),
    "that was given something to send": (socket) => {
      socket.write("something");
      resetSocket(socket);
    },
    "that is about to end": (socket) => {
      socket.end("the end");
      resetSocket(socket);
    },
    "whose end is on its way": (socket) => {
      socket.end("the end");
      process.nextTick(() => process.nextTick(() => resetSocket(socket)));
    },
    "that has ended": (socket) => {
      socket.end("the end", () => setTimeout(() => resetSocket(socket), 20));
    },
  };
  for (const [when, act] of Object.entries(whens)) {
    it(`closes one ${when}`, { timeout: 10_000 }, async () => {
      const { code, leftCount } = await seenBy(act);

      assert(code === "ECONNRESET" || code === "EPIPE", `the client is told: ${code}`);
      assert.equal(leftCount, 0);
    });
  }
});
