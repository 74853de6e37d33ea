/** Where Chromium is. */
import { find, provide } from "#test/kit/provide.ts";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"] as const;

/** Where Chromium is, or the reason why these tests cannot run here, with the line that changes it. */
export type Chromium = { readonly command: string } | { readonly missing: string };

/** Installs it where that may be. */
export async function provideChromium(): Promise<Chromium> {
  const missing = findChromium() === undefined ? await provide({ chromium: "chromium" }) : undefined;
  const command = findChromium();
  return command === undefined ? { missing: missing ?? "there is no chromium on this machine" } : { command };
}

function findChromium(): string | undefined {
  return COMMANDS.map(find).find((path) => path !== undefined);
}
