/** Auth as gateway sees it: it answers what it is told to, and remembers what it was asked, and nonces. */
import type { AuthProtocol } from "#actors/auth/protocol.ts";
import { assert, type Failure, fail, ok, type Result } from "#runtime/errors.ts";
import { encode } from "#runtime/link/body.ts";
import type { ReplyOf } from "#runtime/protocol.ts";
import type { Ref } from "#runtime/ref.ts";

export type KeyRow = ReplyOf<AuthProtocol, "listKeys">[number];

interface Asked {
  readonly name: string;
  readonly request: unknown;
}

export class FakeAuth implements Ref<AuthProtocol> {
  readonly name = "auth";
  /** All but nonces. */
  readonly asked: Asked[] = [];
  readonly nonces: Set<string> = new Set();
  rows: readonly KeyRow[] = [];
  /** By call. */
  readonly failures: Partial<Record<keyof AuthProtocol, Failure>> = {};
  reviewed: ReplyOf<AuthProtocol, "reviewKey"> = {
    kind: "approved",
    type: "new_producer",
    wasApproved: false,
    isTold: true,
  };

  /** It is in another cell than gateway. */
  async call(name: keyof AuthProtocol, request: unknown): Promise<never> {
    assert(encode(request) !== undefined, "a link carries it");
    const failure = this.failures[name];
    const answer = failure === undefined ? this.#answer(name, request) : fail(failure);
    return answer as never;
  }

  cast(): "accepted" {
    return "accepted";
  }

  monitor(): () => void {
    return () => undefined;
  }

  #answer(name: keyof AuthProtocol, request: unknown): Result<unknown, never> {
    if (name === "takeAdminNonce") {
      const { fingerprint, nonce } = request as { fingerprint: string; nonce: string };
      const isFresh = !this.nonces.has(`${fingerprint} ${nonce}`);
      this.nonces.add(`${fingerprint} ${nonce}`);
      return ok(isFresh);
    }
    this.asked.push({ name, request });
    switch (name) {
      case "listKeys":
        return ok(this.rows);
      case "reviewKey":
        return ok(this.reviewed);
      case "approveWithToken":
        return ok({ producerId: PRODUCER, token: "a.b.c", jti: "j", until: "2026-01-01T00:00:00.000Z" });
      default:
        return ok();
    }
  }
}

export const PRODUCER = "00000000-0000-4000-8000-000000000001";
