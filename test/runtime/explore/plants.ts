/**
 * Bugs that the explored programs (`test/runtime/explore/programs`) are seen to catch, as `test/runtime/plants.ts` has them.
 */
import type { Plant } from "#test/kit/planted.ts";

const inPrograms =
  (subject: string) =>
  (test: string): Plant["check"] => ({ file: `test/runtime/explore/${subject}.test.ts`, test });
const bus = inPrograms("bus");
const mailbox = inPrograms("mailbox");
const reservations = inPrograms("reservations");
const journal = inPrograms("journal");
const config = inPrograms("config");

export const PLANTS: readonly Plant[] = [
  // Bus
  {
    name: "a subscriber that lags learns of one loss fewer",
    file: "runtime/bus.ts",
    from: "const laggedCount = Math.max(0, oldest - subscription.cursor);",
    to: "const laggedCount = Math.max(0, oldest - subscription.cursor - 1);",
    check: bus("2 publishers of 2 events and 2 subscribers of 2 reads agree with a list in all 2520 interleavings"),
    says: "the oldest that is kept, and the exact lag",
  },
  {
    name: "a subscriber that waits misses what wakes it",
    file: "runtime/bus.ts",
    from: "resolve(this.take());",
    to: "this.take();\n    resolve(this.take());",
    check: bus("2 publishers and 2 subscribers that wait for all 4 events: none is missed, and every loss is counted"),
    says: "the oldest that is kept, and the exact lag",
  },
  {
    name: "a publication wakes nobody",
    file: "runtime/bus.ts",
    from: "      subscription.wake();",
    to: "",
    check: bus("2 publishers and 2 subscribers that wait for all 4 events: none is missed, and every loss is counted"),
    says: "has a step that never settled",
  },
  {
    name: "what the ring passes is counted one event too late",
    file: "runtime/bus.ts",
    from: "if (subscription.cursor <= overwritten) lost += 1;",
    to: "if (subscription.cursor < overwritten) lost += 1;",
    check: bus("2 publishers and 2 subscribers that wait for all 4 events: none is missed, and every loss is counted"),
    says: "what the ring passed is counted",
  },
  {
    name: "a subscriber that waits when its subscription is closed waits for ever",
    file: "runtime/bus.ts",
    from: "resolve?.(undefined);",
    to: "",
    check: bus(
      "subscriptions that are closed at any time end whoever waits, once, with nothing lost that is not counted",
    ),
    says: /nobody waits for ever|has a step that never settled/,
  },

  // Mailbox
  {
    name: "a message that is rejected is not counted",
    file: "runtime/mailbox.ts",
    from: "if (this.#push(message)) return ACCEPTED;\n    this.#droppedCount += 1;",
    to: "if (this.#push(message)) return ACCEPTED;",
    check: mailbox("a full mailbox that rejects keeps the oldest, in order, and counts the rest"),
    says: "every drop is counted",
  },
  {
    name: "a full mailbox that drops the oldest drops the newest",
    file: "runtime/mailbox.ts",
    from: "const oldest = this.#user.displace(message);",
    to: "const oldest = message;",
    check: mailbox("a full mailbox that drops the oldest keeps the newest, in order, and counts the rest"),
    says: "what comes of the offer",
  },
  {
    name: "who comes later takes the place of one who waits for it",
    file: "runtime/mailbox.ts",
    from: "if (this.waitingDepth === 0 && this.#push(message)) return ACCEPTED;",
    to: "if (this.#user.push(message)) return ACCEPTED;",
    check: mailbox("callers that wait for room come in as they came, and nobody waits while there is any"),
    says: /nobody waits while there is room|the oldest that is still wanted|what comes of the offer/,
  },
  {
    name: "callers that give up keep their places from those who wait",
    file: "runtime/mailbox.ts",
    from: "    this.#leftCount = 0;\n    this.#admitWaiting();",
    to: "    this.#leftCount = 0;",
    check: mailbox("callers that wait for room come in as they came, and nobody waits while there is any"),
    says: /nobody waits while there is room|what comes of the offer/,
  },

  // Reservations
  {
    name: "who waits is let in whether there is room or not",
    file: "runtime/permits.ts",
    from: "if (!this.#fits(waiting.weight)) return;",
    to: "",
    check: reservations("reservations never exceed the quota, are granted in order, and all of it comes back"),
    says: /bytes of 4 are in use|more is granted than there is/,
  },
  {
    name: "whoever stands behind one that gives up is not looked at (a lost wakeup)",
    file: "runtime/permits.ts",
    from: "        // The one that left may have been the one that did not fit.\n        this.#letIn();",
    to: "",
    check: reservations(
      "permits let in whoever fits when the first in line gives up or has waited, and nobody past the limit",
    ),
    says: "nobody waits for ever",
  },
  {
    name: "a small request passes a large one that waits",
    file: "runtime/permits.ts",
    from: "return this.#line.size === 0 && this.#fits(weight)",
    to: "return this.#fits(weight)",
    check: reservations("reservations never exceed the quota, are granted in order, and all of it comes back"),
    says: "first come, first served",
  },
  {
    name: "what is in use when its reservation ends never comes back",
    file: "runtime/buffers.ts",
    from: "      permit.shrink(leaseBytes);",
    to: "",
    check: reservations("reservations never exceed the quota, are granted in order, and all of it comes back"),
    says: /nobody waits for ever|all of it comes back/,
  },
  {
    name: "permits that become fewer forget who waits for more than there is",
    file: "runtime/permits.ts",
    from: 'if (this.#isTooHeavy(waiting.weight)) waiting.refuse("too-heavy");',
    to: "break;",
    check: reservations("permits that become fewer keep nobody waiting for what there is no more"),
    says: "everybody has an answer",
  },

  // Journal
  {
    name: "an append is acknowledged before its sync has ended",
    file: "runtime/journal/journal.ts",
    from: "const synced = await disk.sync(descriptor);",
    to: "const synced = ok(); void disk.sync(descriptor);",
    check: journal("what was acknowledged survives a crash at every point, in order, whatever the power leaves"),
    says: "was acknowledged, and is lost",
  },
  {
    name: "a sync that failed is taken for one that did not",
    file: "runtime/journal/journal.ts",
    from: "if (!synced.ok) return fail(this.#give(synced.failure));",
    to: "",
    check: journal("a sync that fails fails all that waited for it, and all that come after"),
    says: /a journal whose sync failed says so|was acknowledged, and is lost/,
  },
  {
    name: "a journal goes on after a sync that failed",
    file: "runtime/journal/journal.ts",
    from: '    this.#closed = { code: "journal.closed", cause };\n    return this.#closed;',
    to: '    return { code: "journal.closed", cause };',
    check: journal("a sync that fails fails all that waited for it, and all that come after"),
    says: /nothing is acknowledged after a sync has failed|a journal whose sync failed says so/,
  },
  {
    name: "of those who share a sync only the first is answered",
    file: "runtime/journal/journal.ts",
    from: "for (const { record, settle } of batch) {",
    to: "for (const { record, settle } of batch.slice(0, 1)) {",
    check: journal("a sync that fails fails all that waited for it, and all that come after"),
    says: "nobody waits for ever",
  },
  {
    name: "what is appended during a sync waits for an append after it (a lost wakeup)",
    file: "runtime/journal/journal.ts",
    from: "while (this.#waiting.length + this.#compactRequests.length > 0) {",
    to: "if (this.#waiting.length + this.#compactRequests.length > 0) {",
    check: journal("a sync that fails fails all that waited for it, and all that come after"),
    says: "nobody waits for ever",
  },
  {
    name: "the old file is removed before the name of the new one is durable",
    file: "runtime/journal/base.ts",
    from: "return renamed.ok ? await disk.syncDirectory(directory) : renamed;",
    to: "return renamed;",
    check: journal("a file that is rewritten while others append loses nothing, wherever it crashes"),
    says: /was acknowledged, and is lost|the journal opens/,
  },
  {
    name: "closing does not wait for what is under way",
    file: "runtime/journal/journal.ts",
    from: "    await this.#running;\n",
    to: "",
    check: journal("closing answers all that waits, and refuses the rest"),
    says: /what was asked before is done|Expected values to be strictly deep-equal|a record|nobody waits for ever/,
  },
  {
    name: "a journal goes on in the old file when the name of the new one may be there",
    file: "runtime/journal/journal.ts",
    from: "return fail(this.#give(named.failure));",
    to: "return named;",
    check: journal(
      "whatever the disk refuses while a file is rewritten, what was acknowledged survives a loss of power",
    ),
    says: /was acknowledged, and is lost|the journal opens/,
  },
  {
    name: "each who needs a journal that is closed opens it",
    file: "runtime/journal/held-journal.ts",
    from: "this.#opening ??= this.#openNow()",
    to: "this.#opening = this.#openNow()",
    check: journal(
      "a journal that closed itself is opened anew for whoever comes next, once, and nothing acknowledged is lost",
    ),
    says: /it is opened once at a time|no descriptor is left/,
  },

  // Configuration
  {
    name: "a change while the file is read is missed",
    file: "runtime/config/watcher.ts",
    from: "    this.#readAgain = true;\n    this.#reading ??=",
    to: "    this.#readAgain = this.#reading === undefined;\n    this.#reading ??=",
    check: config("the last contents are in force in the end, and what is refused never is, whenever the file changes"),
    says: "the last contents are in force",
  },
  {
    name: "a reading that was asked for during another one never begins (a lost wakeup)",
    file: "runtime/config/watcher.ts",
    from: "while (this.#readAgain && !this.#closed) {",
    to: "if (this.#readAgain && !this.#closed) {",
    check: config("the last contents are in force in the end, and what is refused never is, whenever the file changes"),
    says: "the last contents are in force",
  },
  {
    name: "what was refused counts as in force",
    file: "runtime/config/watcher.ts",
    from: "    const offered = await offer(raw);",
    to: "    this.#inForce = bytes;\n    const offered = await offer(raw);",
    check: config("what was refused for a while is offered again with the next change"),
    says: "it is in force when nobody refuses it any more",
  },
  {
    name: "a watcher that is closed reports what it reads",
    file: "runtime/config/watcher.ts",
    from: "if (!this.#closed) this.#options.report(report);",
    to: "this.#options.report(report);",
    check: config("nothing is offered and nothing reported after the watcher is closed"),
    says: "nothing comes after the end",
  },
  {
    name: "a change that one cell refuses is in force in the others",
    file: "supervisor/root/config-rollout.ts",
    from: "    if (refusals.length > 0) {",
    to: "    if (refusals.length === answers.length) {",
    check: config("what one cell refuses is in force in none, and the next change is in all"),
    says: /one of them cannot take it|cannot work with what is in force/,
  },
  {
    name: "a cell that starts while the others think counts as one that has the change",
    file: "supervisor/root/config-talk.ts",
    from: "      timer.cancel();\n      resolve(undefined);",
    to: "      answered(undefined);",
    check: config("a change is in force in every cell or in none, whoever answers late, dies and is back"),
    says: "data has what is in force",
  },
  {
    name: "a cell that has started is not told of the change that came into force meanwhile",
    file: "supervisor/root/config-talk.ts",
    from: "if (config.version !== this.#heldVersion) this.commit(config);",
    to: "",
    check: config("a change is in force in every cell or in none, whoever answers late, dies and is back"),
    says: "data has what is in force",
  },
  {
    name: "a cell that comes up while the others think is told to put in force what it was never offered",
    file: "supervisor/root/config-talk.ts",
    from: "this.#offer(config, (problem) => problem === undefined || this.#options.onUnfit(problem));",
    to: "",
    check: config(
      "of two changes the last that was accepted is in force in every cell, whoever dies and is back meanwhile",
    ),
    says: "data has what is in force",
  },
];
