/**
 * Requests about uploads in pieces, as the tus protocol has them, and what must hold of the answers. A request that was given up
 * may reach the node later: then another one finds the upload farther on, or somebody at it.
 */
import { anyPiece, type Piece } from "#chaos/workload/any-piece.ts";
import { type Answered, Asker, type AskerOptions } from "#chaos/workload/asker.ts";
import { BegunUpload } from "#chaos/workload/begun-upload.ts";
import { anyObject } from "#chaos/workload/objects.ts";
import type { Random } from "#runtime/random.ts";

const TUS = { "tus-resumable": "1.0.0" } as const;
/** Of an upload that is not there, or not any more. */
const GONE: ReadonlySet<number> = new Set([404, 410]);

export interface PieceRequestsOptions extends AskerOptions {
  readonly random: Random;
  /** So much wall time may pass in the run that an upload is forgotten for its age. */
  readonly mayForget: boolean;
}

export class PieceRequests {
  readonly #options: PieceRequestsOptions;
  readonly #asker: Asker;

  constructor(options: PieceRequestsOptions) {
    this.#options = options;
    this.#asker = new Asker(options);
  }

  /** Begins one of any object, with its first piece or without. Undefined where nobody knows its name. */
  async begin(): Promise<BegunUpload | undefined> {
    const { random, ledger } = this.#options;
    const object = anyObject(random);
    const { address, bytes } = object;
    const isLengthKnown = random.below(3) > 0;
    const note = random.below(2) === 0 ? "" : `name ${Buffer.from(address).toString("base64")}`;
    const piece = random.below(3) === 0 ? anyPiece(bytes, 0, true, this.#seams) : undefined;
    ledger.offered.set(address, object);
    // Its put begins by itself: from here on it may be under way.
    const upload = new BegunUpload(object, note, isLengthKnown, ledger.damage.put(object));
    const { headers = {}, ...body } = piece?.request ?? {};
    const request = {
      method: "POST",
      target: "/uploads",
      headers: {
        ...TUS,
        ...(isLengthKnown ? { "upload-length": `${bytes.length}` } : { "upload-defer-length": "1" }),
        ...(note === "" ? {} : { "upload-metadata": note }),
        ...(random.below(2) === 0 ? {} : { "cepa-chunker": "gear-fine/1" }),
        ...headers,
      },
      ...body,
    };
    if (piece?.sent !== undefined) upload.model.sends(piece.sent);
    const answer = await this.#asker.send("begin", request, piece?.fate !== "broken");
    const target = answer?.status === 201 ? answer.headers["location"] : undefined;
    if (answer === undefined || isRefusedFor(piece, answer)) return undefined;
    if (target === undefined) {
      this.#mayRefuse(answer, upload, "begin", false);
      return undefined;
    }
    upload.target = target;
    this.#taken(upload, piece, answer);
    return upload;
  }

  /** Adds a piece where it is; the last one says how long all of it is, where that was left open. */
  async add(upload: BegunUpload, mayFail: boolean): Promise<void> {
    const { random } = this.#options;
    const { object, target, offsetBytes = 0 } = upload;
    const { bytes } = object;
    const piece = anyPiece(bytes, offsetBytes, mayFail, this.#seams);
    const saysLength = !upload.isLengthKnown && (piece.to === bytes.length || random.below(2) === 0);
    const headers = {
      ...TUS,
      "upload-offset": `${offsetBytes}`,
      ...(saysLength ? { "upload-length": `${bytes.length}` } : {}),
      ...piece.request.headers,
    };
    if (piece.sent !== undefined) upload.model.sends(piece.sent);
    const request = { ...piece.request, method: "PATCH", target, headers };
    const answer = await this.#asker.send("add", request, piece.fate !== "broken");
    if (answer === undefined) return upload.becomesUnknown();
    if (this.#isGone(upload, answer)) return;
    if (answer.status === 204) {
      upload.isLengthKnown ||= saysLength;
      return this.#taken(upload, piece, answer);
    }
    if (answer.status === 409) {
      this.#mustBe(upload.hasLoose, upload, `nobody has added to it, and it is not at ${offsetBytes}`);
      return this.#tells(upload, answer);
    }
    if (piece.fate === "disproven" && answer.status === 460) return;
    if (!isRefusedFor(piece, answer)) this.#mayRefuse(answer, upload, "add", answer.status === 423 && upload.hasLoose);
    upload.becomesUnknown();
  }

  /** Asks where it is, and what it became. */
  async ask(upload: BegunUpload): Promise<void> {
    const answer = await this.#asker.send("ask where", { method: "HEAD", target: upload.target, headers: TUS });
    if (answer === undefined) return;
    if (this.#isGone(upload, answer)) return;
    if (answer.status !== 200) return this.#mayRefuse(answer, upload, "ask where", false);
    const { "upload-length": length, "upload-metadata": note = "" } = answer.headers;
    const isSame = (length === undefined || Number(length) === upload.object.bytes.length) && note === upload.note;
    this.#mustBe(isSame, upload, `said to have ${length} bytes and the note ${note}`);
    upload.isLengthKnown = length !== undefined;
    this.#tells(upload, answer);
  }

  /** Until that was answered it is not known whether it is there. */
  async cancel(upload: BegunUpload): Promise<void> {
    const wasLeaving = upload.isLeaving;
    upload.isLeaving = true;
    const answer = await this.#asker.send("cancel", { method: "DELETE", target: upload.target, headers: TUS });
    if (answer === undefined) return upload.becomesUnknown();
    // An earlier one may have ended it, or the same that has arrived twice.
    if (!wasLeaving && answer.isCalm && this.#isGone(upload, answer)) return;
    if (answer.status === 204 || GONE.has(answer.status)) upload.end = "cancelled";
    // Nobody ends one that is being stored.
    else this.#mayRefuse(answer, upload, "cancel", answer.status === 423);
  }

  /** What became of it is remembered. */
  async lookBack({ end, object, target }: BegunUpload): Promise<void> {
    const { checks, mayForget } = this.#options;
    const answer = await this.#asker.send("look back", { method: "HEAD", target, headers: TUS });
    if (answer === undefined || end === "lost") return;
    const isRight =
      end === "cancelled" ? answer.status === 404 : answer.headers["cepa-address"] === object.address || mayForget;
    const said = (): string => `${target} was ${end}, and is ${answer.status} ${answer.headers["cepa-address"] ?? ""}`;
    checks.that("nothing-acknowledged-is-lost", isRight, said);
  }

  /** It is where the piece ends, if it has begun with one. */
  #taken(upload: BegunUpload, piece: Piece | undefined, answer: Answered): void {
    this.#tells(upload, answer);
    if (piece === undefined) return;
    const isTaken = piece.fate === "whole" && upload.offsetBytes === piece.to;
    this.#mustBe(isTaken, upload, `at ${upload.offsetBytes}, with a ${piece.fate} piece up to ${piece.to}`);
  }

  /** Takes what an answer says: where it is, and the object that it became. */
  #tells(upload: BegunUpload, { headers }: Answered): void {
    const { checks, ledger } = this.#options;
    const { model, object, target } = upload;
    const { address, bytes } = object;
    const { "upload-offset": offset = "nowhere", "cepa-address": stored } = headers;
    const before = model.saidBytes;
    const problem = model.says(Number(offset));
    const said = (): string => `${target} was at ${before}, and is at ${offset}: ${problem}`;
    checks.that("nothing-acknowledged-is-lost", problem !== "taken-back", said);
    checks.that("bytes-are-right", problem !== "never-sent", said);
    upload.offsetBytes = Number(offset);
    if (stored === undefined) return;
    const isRight = stored === address && upload.offsetBytes === bytes.length;
    this.#mustBe(isRight, upload, `at ${offset} of ${bytes.length} bytes it has become ${stored}, not ${address}`);
    ledger.acknowledged.set(address, object);
    upload.onAcknowledged();
    ledger.count("stored from pieces");
    upload.end = "stored";
  }

  #isGone(upload: BegunUpload, { status }: Answered): boolean {
    if (!GONE.has(status)) return false;
    const { checks, mayForget } = this.#options;
    const said = (): string => `${upload.target} was at ${upload.model.saidBytes}, and is not there: ${status}`;
    checks.that("nothing-acknowledged-is-lost", mayForget, said);
    upload.end = "lost";
    return true;
  }

  #mustBe(holds: boolean, { target }: BegunUpload, what: string): void {
    this.#options.checks.that("bytes-are-right", holds, () => `${target}: ${what}`);
  }

  /** A disk may be full on a calm day. */
  #mayRefuse(answer: Answered, { target }: BegunUpload, what: string, isExpected: boolean): void {
    this.#asker.mayRefuse(answer, `${what} ${target}`, isExpected || answer.status === 507);
  }

  get #seams(): Pick<PieceRequestsOptions["world"], "clock"> & Pick<PieceRequestsOptions, "random"> {
    const { world, random } = this.#options;
    return { clock: world.clock, random };
  }
}

/** What came of a piece that could not be taken is what has to. */
function isRefusedFor(piece: Piece | undefined, { status }: Answered): boolean {
  if (piece?.fate === "broken") return status === 400;
  return piece?.fate === "disproven" && status === 460;
}
