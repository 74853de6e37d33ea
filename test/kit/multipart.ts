/** Reads `multipart/byteranges` as a strict client would: by the boundary, and every part by its `Content-Range`. */
import assert from "node:assert/strict";

export interface ReadPart {
  readonly firstByte: number;
  readonly sizeBytes: number;
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

export function readMultipart(contentType: string | undefined, body: Uint8Array): readonly ReadPart[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})$/.exec(contentType ?? "")?.[1];
  assert(boundary !== undefined, `${contentType} has a boundary`);
  // As a delimiter before the first part would: its line break is not part of a body that begins with it.
  let rest = Buffer.concat([Buffer.from("\r\n"), body]);
  const take = (text: string): void => {
    assert.equal(rest.subarray(0, text.length).toString("latin1"), text);
    rest = rest.subarray(text.length);
  };
  const parts: ReadPart[] = [];
  for (;;) {
    take(`\r\n--${boundary}`);
    if (rest.subarray(0, 2).toString() === "--") break;
    take("\r\n");
    const end = rest.indexOf("\r\n\r\n");
    const head = rest.subarray(0, end).toString("latin1");
    rest = rest.subarray(end + 4);
    const range = /^Content-Range: bytes (\d+)-(\d+)\/(\d+)$/m.exec(head);
    assert(range !== null, `${head} has a Content-Range`);
    const [, first, last, size] = range.map(Number);
    assert(first !== undefined && last !== undefined && size !== undefined);
    const bytes = rest.subarray(0, last - first + 1);
    assert.equal(bytes.length, last - first + 1);
    rest = rest.subarray(bytes.length);
    parts.push({ firstByte: first, sizeBytes: size, contentType: /^Content-Type: (.*)$/m.exec(head)?.[1], bytes });
  }
  take("--\r\n");
  assert.equal(rest.length, 0);
  return parts;
}
