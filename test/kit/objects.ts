/** Objects for end-to-end tests: bytes made from a seed, their address, and how they go in and out over HTTP. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { blake3 } from "@napi-rs/blake-hash";

/** Incompressible and the same for the same seed: AES-CTR over zeroes. */
export function randomBytes(sizeBytes: number, seed: number): Buffer {
  const key = Buffer.alloc(32);
  key.writeUInt32LE(seed);
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

export function addressOf(bytes: Uint8Array): string {
  return `b3:${blake3(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString("hex")}`;
}

export interface Receipt {
  readonly address: string;
  readonly size: number;
  readonly chunks: number;
  readonly manifest: string;
}

/** PUTs and requires the answer of a stored object. */
export async function putObject(url: string, bytes: Uint8Array): Promise<Receipt & { readonly status: number }> {
  const response = await fetch(`${url}/put`, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> });
  const text = await response.text();
  assert(response.status === 200 || response.status === 201, `stored, not ${response.status} ${text}`);
  return { ...(JSON.parse(text) as Receipt), status: response.status };
}

/** GETs and requires exactly these bytes. */
export async function mustHold(url: string, bytes: Uint8Array): Promise<void> {
  const response = await fetch(`${url}/o/${addressOf(bytes)}`);
  assert.equal(response.status, 200);
  const got = Buffer.from(await response.arrayBuffer());
  assert.equal(got.byteLength, bytes.byteLength);
  assert(got.equals(bytes), "the bytes are the same");
}
