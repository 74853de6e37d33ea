/** Words and numbers on a page. */

/** What comes from outside, a scenario's name among it, is text there and nothing else. */
export function inHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** To a tenth: nobody sees more of it. */
export function round(value: number): number {
  return Number(value.toFixed(1));
}
