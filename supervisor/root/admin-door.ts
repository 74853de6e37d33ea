/**
 * The run directory and the admin socket in it: made at the start, and again when somebody removed them (a cleaner of
 * temporary files does).
 *
 * The directory is checked each time, also where it was there before: in a place that all can write, another user may
 * have put something else there meanwhile.
 */
import { ok, type Result } from "#runtime/errors.ts";
import type { Listener } from "#runtime/network/network.ts";
import { type AdminHandler, listenAdmin } from "#supervisor/root/admin.ts";
import { type CannotRun, cannotRun, reasonOf } from "#supervisor/root/cannot-run.ts";
import { isGone } from "#supervisor/root/gone.ts";
import type { Places } from "#supervisor/root/places.ts";
import type { RootSeams } from "#supervisor/root/seams.ts";

export class AdminDoor {
  readonly #places: Places;
  readonly #seams: RootSeams;
  readonly #handle: AdminHandler;
  #listener: Listener | undefined;

  constructor(places: Places, seams: RootSeams, handle: AdminHandler) {
    this.#places = places;
    this.#seams = seams;
    this.#handle = handle;
  }

  /**
   * Answers with whether it was closed, or its socket gone. Then the sockets of the cells are gone too, and who was
   * connected is not any more.
   */
  async open(): Promise<Result<boolean, CannotRun>> {
    const { run, adminSocket } = this.#places;
    const isPrivate = this.#seams.ensurePrivateDirectory(run);
    if (!isPrivate.ok) {
      const { code, cause } = isPrivate.failure;
      return cannotRun(code, `cannot use the run directory ${run}: ${cause}; remove it, or mend its owner and mode`);
    }
    const { network, clock, disk } = this.#seams.base;
    if (this.#listener !== undefined && !(await isGone(disk, adminSocket))) return ok(false);
    await this.close();
    const admin = await listenAdmin({ network, clock, path: adminSocket, handle: this.#handle });
    if (!admin.ok) {
      const why = `cannot listen on ${adminSocket}: ${reasonOf(admin.failure)}`;
      return cannotRun(admin.failure.code, `${why}; remove ${run}, and try again`);
    }
    this.#listener = admin.value;
    return ok(true);
  }

  /** Before it opens again, too: the system removes a socket's name with its listener, whosever the name is by then. */
  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
  }
}
