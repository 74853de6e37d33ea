/**
 * The requests in the bytes of a connection, read to the letter of RFC 9112: lines that end in CR LF, one field a line, one way
 * in which a body ends. What is anything else ends the list, so that what the edge takes has to be in it. One liberty that the
 * letter leaves (§3) is taken: words of the first line may have several spaces between them, and nothing else of what is white.
 */

export interface ReadRequest {
  readonly method: string;
  /** As far as it came. */
  readonly body: string;
}

const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([!-~\x80-\xff]+) +HTTP\/1\.([01])$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)$/;

/** A character for each byte. */
export function requestsIn(text: string): readonly ReadRequest[] {
  const requests: ReadRequest[] = [];
  let rest = text;
  for (;;) {
    // Empty lines in front of a request are passed over, and a line feed may end a line (§2.2).
    rest = rest.replace(/^[\r\n]+/, "");
    const head = headOf(rest);
    if (head === undefined) return requests;
    const body = bodyOf(rest.slice(head.end), head.fields);
    if (body === undefined) return requests;
    requests.push({ method: head.method, body: body.bytes });
    if (body.end === undefined) return requests;
    rest = rest.slice(head.end + body.end);
  }
}

type Fields = readonly (readonly [name: string, value: string])[];

function headOf(text: string): { readonly method: string; readonly fields: Fields; readonly end: number } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, method] = LINE.exec(first) ?? [];
  const fields = lines.map((line) => FIELD.exec(line));
  if (method === undefined || fields.includes(null)) return undefined;
  return {
    method,
    fields: fields.map((found) => [(found?.[1] ?? "").toLowerCase(), (found?.[2] ?? "").trim()]),
    end: end + 4,
  };
}

/** `end` undefined where it goes on. */
interface Body {
  readonly bytes: string;
  readonly end: number | undefined;
}

function bodyOf(text: string, fields: Fields): Body | undefined {
  const codings = fields.filter(([name]) => name === "transfer-encoding").map(([, value]) => value);
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  if (codings.length > 0) {
    return lengths.length === 0 && codings.join(",").toLowerCase() === "chunked" ? chunksIn(text) : undefined;
  }
  if (lengths.length === 0) return { bytes: "", end: 0 };
  const length = Number(lengths[0]);
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0] ?? "")) return undefined;
  return text.length < length ? { bytes: text, end: undefined } : { bytes: text.slice(0, length), end: length };
}

function chunksIn(text: string): Body {
  let [bytes, at] = ["", 0];
  for (;;) {
    const [line, digits = ""] = /^([0-9a-f]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n/i.exec(text.slice(at)) ?? [];
    if (line === undefined) return { bytes, end: undefined };
    const length = Number.parseInt(digits, 16);
    at += line.length;
    if (length === 0) {
      const [trailer] = /^(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(at)) ?? [];
      return { bytes, end: trailer === undefined ? undefined : at + trailer.length };
    }
    bytes += text.slice(at, at + length);
    at += length;
    if (text.slice(at, at + 2) !== "\r\n") return { bytes, end: undefined };
    at += 2;
  }
}
