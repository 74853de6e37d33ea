/**
 * One event at a time: what is posted while another is being handled waits for its turn.
 *
 * It is bounded by who posts: a child has one life, and a life has an outcome, an exit and a timer. What a handler throws
 * reaches whoever posted; the notes behind it are handled all the same.
 */
export class Inbox<Note> {
  readonly #handle: (note: Note) => void;
  readonly #onIdle: () => void;
  readonly #waiting: Note[] = [];
  #isBusy = false;
  #isClosed = false;

  /** `onIdle` runs when everything that was posted has been handled. */
  constructor(handle: (note: Note) => void, onIdle: () => void) {
    this.#handle = handle;
    this.#onIdle = onIdle;
  }

  post(note: Note): void {
    if (this.#isClosed) return;
    this.#waiting.push(note);
    if (!this.#isBusy) this.#handleAll();
  }

  /** Nothing that is posted from now on is handled. */
  close(): void {
    this.#isClosed = true;
  }

  #handleAll(): void {
    this.#isBusy = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#handle(next);
    } finally {
      this.#isBusy = false;
      // Some are left only behind one that threw.
      if (this.#waiting.length > 0) this.#handleAll();
      else this.#onIdle();
    }
  }
}
