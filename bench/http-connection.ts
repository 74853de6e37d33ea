/**
 * One HTTP/1.1 connection of a load generator, on a bare socket: it must cost less than what it measures.
 *
 * One request at a time; bodies have a `Content-Length`, which is what both the node and nginx send here.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { MiB } from "#runtime/units.ts";

export interface Answer {
  readonly status: number;
  readonly lengthBytes: number;
  /** Whole, unless the request was made with `onBody`. */
  readonly body: Buffer;
}

interface Expected {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onBody: ((piece: Uint8Array) => void) | undefined;
}

const READ_BYTES = 1 * MiB;

export class HttpConnection {
  readonly #socket: Socket;
  #expected: Expected | undefined;
  #head = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  #status = 0;
  #lengthBytes = -1;
  #doneBytes = 0;

  private constructor(port: number) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    this.#socket = connect({
      port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer,
        callback: (count) => {
          this.#received(buffer.subarray(0, count));
          return true;
        },
      },
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  static async open(port: number): Promise<HttpConnection> {
    const connection = new HttpConnection(port);
    await once(connection.#socket, "connect");
    return connection;
  }

  /** `head` is the request line and its fields without the blank line. With `onBody` the body is not collected. */
  request(head: string, body?: Uint8Array, onBody?: (piece: Uint8Array) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#expected = { resolve, reject, onBody };
      const length = body === undefined ? "" : `content-length: ${body.byteLength}\r\n`;
      const text = `${head}\r\nhost: 127.0.0.1:${this.#socket.remotePort}\r\n${length}\r\n`;
      if (body === undefined) this.#socket.write(text);
      else {
        this.#socket.cork();
        this.#socket.write(text);
        this.#socket.write(body);
        this.#socket.uncork();
      }
    });
  }

  close(): void {
    this.#expected = undefined;
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    if (this.#lengthBytes >= 0) {
      this.#take(bytes);
      return;
    }
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#head.toString("latin1", 0, end);
    const rest = this.#head.subarray(end + 4);
    this.#head = Buffer.alloc(0);
    this.#status = Number(head.slice(9, 12));
    this.#lengthBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    this.#take(rest);
  }

  #take(bytes: Buffer): void {
    this.#doneBytes += bytes.length;
    if (this.#expected?.onBody !== undefined) this.#expected.onBody(bytes);
    // The socket reuses its buffer, so what is kept is copied.
    else if (bytes.length > 0) this.#pieces.push(Buffer.from(bytes));
    if (this.#doneBytes < this.#lengthBytes) return;

    const expected = this.#expected;
    const answer = { status: this.#status, lengthBytes: this.#lengthBytes, body: Buffer.concat(this.#pieces) };
    this.#expected = undefined;
    this.#pieces = [];
    this.#lengthBytes = -1;
    this.#doneBytes = 0;
    expected?.resolve(answer);
  }

  #fail(error: Error): void {
    const expected = this.#expected;
    this.#expected = undefined;
    expected?.reject(error);
  }
}
