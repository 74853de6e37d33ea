/** What somebody does to a directory, as a value. */
import type { Half } from "#test/actors/auth/directory/halves.ts";
import { atMs, grantOf, type RegistrationOptions, requestOf, type Scene } from "#test/actors/auth/directory/scene.ts";

/** `half` knows the producers; it is done on `scene`. */
export type Act = (half: Half, scene: Scene) => Promise<unknown>;

// Of the first producer, where it is one of a producer.
export const approve =
  (fingerprint: string): Act =>
  (half, scene) =>
    scene.approve(fingerprint, half.producer(0));

export const deny =
  (fingerprint: string): Act =>
  (half, scene) =>
    scene.deny(fingerprint, half.producer(0));

export const register =
  (fingerprint: string, options: RegistrationOptions = {}): Act =>
  (_half, scene) =>
    scene.register(fingerprint, options);

/** Of a further key. */
export const rotate =
  (fingerprint: string, nonce = "n"): Act =>
  (half, scene) =>
    scene.register(fingerprint, { nonce, producerId: half.producer(0) });

export const deregister =
  (fingerprint: string, nonce = "left"): Act =>
  (_half, scene) =>
    scene.deregister(fingerprint, nonce);

export const issue =
  (jti: string, fingerprint: string, nonce: string): Act =>
  (half, scene) =>
    scene.issue(grantOf(jti, fingerprint, half.producer(0)), requestOf(fingerprint, "exchange", nonce));

/** As it is delivered, the first time or again. */
export const deliver =
  (jti: string, fingerprint: string, nonce: string): Act =>
  (half, scene) =>
    scene.issue(
      grantOf(jti, fingerprint, half.producer(0)),
      requestOf(fingerprint, "exchange", nonce, atMs, `fdc:token:exchange ${nonce}-0`),
    );

export const spend =
  (fingerprint: string, nonce: string): Act =>
  (_half, scene) =>
    scene.spend(fingerprint, nonce);

export const renew =
  (jti: string, newJti: string): Act =>
  (_half, scene) =>
    scene.renew(jti, newJti);

export const revoke =
  (jti: string): Act =>
  (_half, scene) =>
    scene.revokeToken(jti);

/** All that can go. */
export const prune = (): Act => (_half, scene) => scene.prune();

/** One after another; the producers are known by their places then. */
export const all =
  (...acts: readonly Act[]): Act =>
  async (half, scene) => {
    for (const act of acts) half.tell(await act(half, scene));
  };

export const nothing: Act = all();
/** A producer with its key. */
export const approved: Act = all(register("a", { nonce: "1" }), approve("a"));
/** It has a token, which was renewed. */
export const withToken: Act = all(approved, issue("t1", "a", "2"), renew("t1", "t2"));
/** Two further keys wait. */
export const rotating: Act = all(withToken, rotate("b"), rotate("c"));
/** It has left. */
export const left: Act = all(withToken, deregister("a", "3"));
