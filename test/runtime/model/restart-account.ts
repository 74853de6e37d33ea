/**
 * The two budgets by the words of the specification, over what a supervisor announces: the list of all crashes, and for
 * each the question how many lie in the window that ends with it.
 */
import type { Budget } from "#supervisor/child-spec.ts";
import type { SupervisorEvent } from "#supervisor/events.ts";
import type { Book } from "#test/runtime/model/book.ts";

interface Account {
  crashesMs: number[];
  /** The last crash, until it is known what came of it. */
  openMs: number | undefined;
  /** It was quarantined since the account was opened: from then on probation has its own rules. */
  wasQuarantined: boolean;
}

export class RestartAccount {
  readonly #book: Book;
  readonly #budget: Budget;
  readonly #intensity: Budget;
  readonly #nowMs: () => number;
  readonly #accounts = new Map<string, Account>();
  /** Crashes that led to a restart, of all children. */
  readonly #restartsMs: number[] = [];
  quarantineCount = 0;

  constructor(book: Book, budget: Budget, intensity: Budget, nowMs: () => number) {
    this.#book = book;
    this.#budget = budget;
    this.#intensity = intensity;
    this.#nowMs = nowMs;
  }

  note(event: SupervisorEvent): void {
    switch (event.type) {
      case "ServiceCrashed":
        this.#crashed(this.#of(event.service));
        break;
      case "childQuarantined":
        this.#quarantined(event.child, this.#of(event.child));
        break;
      case "childRestarted":
        this.#restarted(event.child, this.#of(event.child));
        break;
    }
  }

  get restartCount(): number {
    return this.#restartsMs.length;
  }

  /** An operator opens a new account. */
  resumed(child: string): void {
    this.#accounts.delete(child);
  }

  #crashed(account: Account): void {
    account.openMs = this.#nowMs();
    account.crashesMs.push(account.openMs);
  }

  #quarantined(child: string, account: Account): void {
    const crashCount = inWindow(account.crashesMs, account.openMs, this.#budget);
    if (!account.wasQuarantined && crashCount <= this.#budget.restartsMax) {
      this.#book.wrong(`${child} is quarantined inside its budget, at crash ${crashCount}`);
    }
    account.wasQuarantined = true;
    this.quarantineCount += 1;
    account.openMs = undefined;
  }

  #restarted(child: string, account: Account): void {
    const { openMs } = account;
    if (openMs === undefined || account.wasQuarantined) return;
    account.openMs = undefined;
    const crashCount = inWindow(account.crashesMs, openMs, this.#budget);
    if (crashCount > this.#budget.restartsMax) {
      this.#book.wrong(`${child} is restarted past its budget, after crash ${crashCount}`);
    }
    this.#restartsMs.push(openMs);
    // Every window: restarts are announced after their pause, and so in another order than that of the crashes.
    const counts = this.#restartsMs.map((endMs) => inWindow(this.#restartsMs, endMs, this.#intensity));
    if (Math.max(...counts) > this.#intensity.restartsMax) {
      this.#book.wrong(`${child} is restarted past its supervisor's intensity`);
    }
  }

  #of(child: string): Account {
    const account = this.#accounts.get(child) ?? { crashesMs: [], openMs: undefined, wasQuarantined: false };
    this.#accounts.set(child, account);
    return account;
  }
}

/** Moments in the window that ends, inclusive, at `endMs`. One exactly a period before is outside. */
function inWindow(momentsMs: readonly number[], endMs: number | undefined, { periodMs }: Budget): number {
  return momentsMs.filter((ms) => endMs !== undefined && ms <= endMs && endMs - ms < periodMs).length;
}
