/** Reading an object, or what is below a manifest node, as a CAR: asked for by `Accept`, never by default. */
import type { Desk, Served, Visit } from "#actors/gateway/desk.ts";
import type { NotAcceptable } from "#actors/gateway/failures.ts";
import { contentHeaders, optionsOf } from "#actors/gateway/objects.ts";
import { judge } from "#actors/gateway/preconditions.ts";
import { sendSource } from "#actors/gateway/send-source.ts";
import type { CarWanted } from "#actors/overlay/protocol.ts";
import { fail, ok, type Result } from "#runtime/errors.ts";

/** The one form that is made here, as the parameters of a media type name it. */
const FORM: Readonly<Record<string, string>> = { version: "1", order: "dfs", dups: "y" };
const MEDIA_TYPE = "application/vnd.ipld.car";
const CONTENT_TYPE = `${MEDIA_TYPE}; version=1; order=dfs; dups=y`;

/**
 * Whether a CAR is asked for: by its name, not by a wildcard. A CAR of another form is not made; who takes nothing else
 * is refused, who names another type gets that.
 */
export function acceptsCar(accept: string | undefined): Result<boolean, NotAcceptable> {
  const ranges = (accept ?? "").split(",").map(parseMediaRange);
  const cars = ranges.filter(({ type }) => type === MEDIA_TYPE);
  if (cars.some(isOurForm)) return ok(true);
  return cars.length > 0 && cars.length === ranges.length ? fail({ code: "gateway.not-acceptable" }) : ok(false);
}

/** A CAR of what is wanted where one is asked for, else what `otherwise` reads. */
export async function readCarOr(desk: Desk, visit: Visit, wanted: CarWanted, otherwise: () => Served): Served {
  const wantsCar = acceptsCar(visit.request.headers["accept"]);
  if (!wantsCar.ok) return wantsCar;
  return wantsCar.value ? await readCar(desk, visit, wanted) : await otherwise();
}

async function readCar(desk: Desk, visit: Visit, wanted: CarWanted): Served {
  const { method, headers } = visit.request;
  const got = await desk.overlay.call("getCar", wanted, optionsOf(desk, visit));
  if (!got.ok) return got;

  const { root, lengthBytes, source } = got.value;
  const etag = `"b3:${root}.car"`;
  const head = {
    status: 200,
    headers: {
      ...contentHeaders,
      // An object cut in another way is another CAR; below a root there is only one.
      ...("root" in wanted ? {} : { "Cache-Control": "public, no-cache" }),
      "Content-Type": CONTENT_TYPE,
      "Accept-Ranges": "none",
      Vary: "Accept",
      ETag: etag,
    },
  };
  const verdict = judge(headers, etag);
  if (verdict === "go-on" && method !== "HEAD") return await sendSource(desk, visit, head, source, lengthBytes);
  source.cancel({ code: "runtime.call-ended" });
  if (verdict === "failed") return fail({ code: "gateway.precondition-failed" });
  return ok(
    verdict === "not-modified" ? { ...head, status: 304, body: undefined } : { ...head, body: undefined, lengthBytes },
  );
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function parseMediaRange(text: string): MediaRange {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim().toLowerCase());
  const pairs = rest.map((part): readonly [string, string] => {
    const [name = "", value = ""] = part.split("=");
    return [name.trim(), value.trim().replaceAll('"', "")];
  });
  return { type, parameters: new Map(pairs) };
}

/** Parameters that the type does not have say nothing. `q=0` means "not this". */
function isOurForm({ parameters }: MediaRange): boolean {
  const isOurs = Object.entries(FORM).every(([name, value]) => (parameters.get(name) ?? value) === value);
  return isOurs && Number(parameters.get("q") ?? 1) > 0;
}
