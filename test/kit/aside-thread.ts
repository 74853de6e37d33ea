/** The thread in which `test/kit/aside.ts` runs a check. What the check throws ends it, and is thrown there. */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Check } from "#test/kit/aside.ts";

const { path, about } = workerData as { readonly path: string; readonly about: string };
const { check } = (await import(pathToFileURL(path).href)) as { readonly check: Check };
parentPort?.postMessage(await check(about));
