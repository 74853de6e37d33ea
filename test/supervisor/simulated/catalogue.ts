/** The real catalogue, loaded once for a process of tests. */
import { catalogue } from "#supervisor/catalogue.ts";
import { type LoadedCatalogue, loadCatalogue } from "#supervisor/simulated/loaded-catalogue.ts";

export const loaded: LoadedCatalogue = await loadCatalogue(catalogue);
