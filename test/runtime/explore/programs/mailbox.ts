/**
 * The mailbox under every order of two who send, one who takes, and callers who give up, against a plain list: of those in
 * line, who still wants an answer, the oldest first. Whoever has given up takes no place in it.
 */
import assert from "node:assert/strict";
import { type Mail, Mailbox, type MailboxOptions, type Offer } from "#runtime/mailbox.ts";
import type { Check } from "#test/kit/aside.ts";
import { checkOf, exploreTo, type Programs } from "#test/runtime/explore/programs.ts";

const CAPACITY = 1;

export const PROGRAMS: Programs = {
  "a full mailbox that rejects keeps the oldest, in order, and counts the rest": () =>
    exploreTo("all", async (play) => {
      const box = new Box("reject");
      play.script("p", box.offers("p1"), box.offers("p2"));
      play.script("q", box.offers("q1"), box.asksFirst("q2"));
      play.script("actor", box.takes, box.takes, box.takes);
      play.script("time", box.leaves("p1"));
      await play.interleave();

      box.isAccountedFor();
    }),

  "a full mailbox that drops the oldest keeps the newest, in order, and counts the rest": () =>
    exploreTo("all", async (play) => {
      const box = new Box("drop-oldest");
      play.script("p", box.offers("p1"), box.offers("p2"));
      play.script("q", box.offers("q1"), box.waits("q2"));
      play.script("actor", box.takes, box.takes, box.takes);
      play.script("time", box.leaves("p1"));
      await play.interleave();

      box.isAccountedFor();
    }),

  "callers that wait for room come in as they came, and nobody waits while there is any": () =>
    exploreTo("all", async (play) => {
      const box = new Box("reject");
      play.script("p", box.waits("p1"), box.waits("p2"));
      play.script("q", box.waits("q1"), box.offers("q2"));
      play.script("actor", box.takes, box.takes);
      play.script("time", box.leaves("p1"), box.leaves("q1"));
      await play.interleave();

      box.isAccountedFor();
    }),

  "a message that is given back comes next, also where others waited for its place": () =>
    exploreTo("all", async (play) => {
      const box = new Box("reject");
      play.script("p", box.waits("p1"), box.waits("p2"));
      play.script("q", box.offers("q1"));
      play.script("actor", box.takes, box.givesBack, box.takes);
      play.script("time", box.leaves("p2"));
      await play.interleave();

      box.isAccountedFor();
    }),

  "turns of the runtime come before messages, signals first, whatever stands in line": () =>
    exploreTo("all", async (play) => {
      const box = new Box("reject");
      play.script("p", box.waits("p1"), box.waits("p2"));
      play.script("runtime", box.controls("c1"), box.signals("s1"), box.controls("c2"));
      play.script("actor", box.takes, box.takes, box.takes);
      await play.interleave();

      box.isAccountedFor();
    }),
};

export const check: Check = checkOf(PROGRAMS);

interface Letter extends Mail {
  readonly name: string;
  readonly call: { answered: boolean; isQueued: boolean };
}

/** A mailbox, and beside it what must be in it. Its functions are steps. */
class Box {
  readonly #mailbox: Mailbox<string, Letter>;
  readonly #overflow: MailboxOptions["overflow"];
  readonly #letters = new Map<string, Letter>();
  /** Who is in line and wants an answer, the oldest first. Past the capacity they wait for room. */
  #line: string[] = [];
  #signals: string[] = [];
  #controls: string[] = [];
  #inHand: Letter | undefined;
  #droppedCount = 0;

  constructor(overflow: MailboxOptions["overflow"]) {
    this.#overflow = overflow;
    this.#mailbox = new Mailbox({ capacity: CAPACITY, overflow });
  }

  offers(name: string): () => void {
    return () => {
      const letter = this.#letter(name);
      const expected = this.#expected(name);
      this.#agree(name, this.#mailbox.offer(letter), expected);
    };
  }

  /** Asks whether there is room before the letter is made. */
  asksFirst(name: string): () => void {
    return () => {
      const isFull = this.#isFull();
      if (isFull) this.#droppedCount += 1;
      assert.equal(this.#mailbox.refuses(), isFull, "who asks first hears what an offer would");
      if (!isFull) this.offers(name)();
    };
  }

  waits(name: string): () => void {
    return () => {
      const letter = this.#letter(name);
      const expected = this.#overflow === "reject" ? this.#accepted(name) : this.#expected(name);
      this.#agree(name, this.#mailbox.offerOrWait(letter), expected);
    };
  }

  controls(name: string): () => void {
    return () => {
      this.#controls.push(name);
      assert(this.#mailbox.control(name));
    };
  }

  signals(name: string): () => void {
    return () => {
      this.#signals.push(name);
      assert(this.#mailbox.signal(name));
    };
  }

  /** One turn of the actor: what the runtime has for it, or the next message. */
  readonly takes = (): void => {
    const urgent = this.#signals.shift() ?? this.#controls.shift();
    assert.equal(this.#mailbox.takeUrgent(), urgent, "signals, then control turns, each in order");
    if (urgent !== undefined) return;
    this.#inHand = this.#mailbox.take();
    assert.equal(this.#inHand?.name, this.#line.shift(), "the oldest that is still wanted");
    this.#looks();
  };

  /** The message in hand, unless its caller has given up meanwhile. */
  readonly givesBack = (): void => {
    const letter = this.#inHand;
    this.#inHand = undefined;
    if (letter === undefined || letter.call.answered) return;
    this.#mailbox.putBack(letter);
    this.#line.unshift(letter.name);
  };

  /** The caller gives up, as a call does that is over: the mailbox is told where it stands in line. */
  leaves(name: string): () => void {
    return () => {
      const letter = this.#letters.get(name);
      if (letter === undefined) return;
      letter.call.answered = true;
      if (letter.call.isQueued) this.#mailbox.onCallLeft();
      this.#line = this.#line.filter((other) => other !== name);
    };
  }

  /** The rest is taken: all that was accepted came, and all else was counted. */
  isAccountedFor(): void {
    while (this.#signals.length + this.#controls.length + this.#line.length > 0) this.takes();
    assert.equal(this.#mailbox.take(), undefined, "nothing is left");
    const { depth, waitingDepth, droppedCount } = this.#mailbox;
    assert.deepEqual([depth, waitingDepth, droppedCount], [0, 0, this.#droppedCount], "every drop is counted");
  }

  #letter(name: string): Letter {
    const letter = { name, call: { answered: false, isQueued: false } };
    this.#letters.set(name, letter);
    return letter;
  }

  #isFull(): boolean {
    return this.#line.length >= CAPACITY;
  }

  /** What comes of an offer. */
  #expected(name: string): Offer<string> {
    if (!this.#isFull()) return this.#accepted(name);
    this.#droppedCount += 1;
    if (this.#overflow === "reject") return { kind: "rejected" };
    this.#line.push(name);
    return { kind: "displaced", oldest: this.#line.shift() ?? "" };
  }

  #accepted(name: string): Offer<string> {
    this.#line.push(name);
    return { kind: "accepted" };
  }

  #agree(name: string, offer: Offer<Letter>, expected: Offer<string>): void {
    const found = offer.kind === "displaced" ? { kind: offer.kind, oldest: offer.oldest.name } : offer;
    assert.deepEqual(found, expected, `what comes of the offer of ${name}`);
    this.#looks();
  }

  #looks(): void {
    const { depth, waitingDepth, droppedCount } = this.#mailbox;
    assert(depth <= CAPACITY + 1, "no more stand in line than may");
    assert(waitingDepth === 0 || depth >= CAPACITY, "nobody waits while there is room");
    assert.equal(droppedCount, this.#droppedCount, "every drop is counted");
  }
}
