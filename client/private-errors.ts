/** Why a private object cannot be made or opened. None of these sentences has a key in it. */
import { LINK_FORM } from "#client/link.ts";
import { CepaError } from "#client/wire.ts";

/** What was given is no link. It is not repeated: it may be one with a character missing. */
export function badLink(): CepaError {
  return final({ code: "client.bad-link", message: `a private link is ${LINK_FORM}` });
}

/** The name or the media type cannot stand in a private object. */
export function badName(what: string): CepaError {
  return final({ code: "client.bad-name", message: `${what} is too long, or has characters that it must not have` });
}

/** The root is of something else. */
export function notPrivate(root: string): CepaError {
  return final({ code: "client.not-private", message: `${root} is not the root of a private object` });
}

/** Bytes that came are not those that the root names. */
export function bytesDiffer(what: string): CepaError {
  return final({ code: "client.bytes-differ", message: `${what} is not what the root of the link names` });
}

/** The bytes are those that the root names, and the key does not open them. */
export function wrongKey(root: string): CepaError {
  return final({ code: "client.wrong-key", message: `the key of the link does not open ${root}` });
}

/** The range begins behind the content. */
export function outOfRange(size: number): CepaError {
  return final({ code: "client.range-unsatisfiable", message: `the range lies outside the ${size} bytes` });
}

/** The page is not from where browsers allow encryption. */
export function noCrypto(): CepaError {
  return final({ code: "client.no-crypto", message: "no WebCrypto: browsers have it on https: and on loopback only" });
}

function final(said: { readonly code: string; readonly message: string }): CepaError {
  return new CepaError({ ...said, retryable: false, corrId: "", status: 0 });
}
