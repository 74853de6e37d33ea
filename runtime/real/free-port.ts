/** Asks the kernel for a TCP port, by listening for a moment. Somebody else can take it afterwards: the user will know. */
import { createServer } from "node:net";
import { type Failure, fail, ok, type Result } from "#runtime/errors.ts";

/** Nothing can listen there. `errno` is the system's own name, such as `EADDRINUSE`. */
export interface PortTaken extends Failure<"network.port-taken"> {
  readonly host: string;
  readonly port: number;
  readonly errno: string;
}

/** `port` 0 lets the kernel choose; any other is only tried. */
export function findPort(host: string, port: number): Promise<Result<number, PortTaken>> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => {
      const errno = "code" in error ? String(error.code) : "EUNKNOWN";
      resolve(fail({ code: "network.port-taken", host, port, errno }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(ok(found)));
    });
  });
}
