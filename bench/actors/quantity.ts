/** Figures as people read them. */

/** `2.44 M/s`, `381 k/s`, `1,536 B`, `0.0184 ms`: three digits, or as many as whole ones need. */
export function quantity(value: number, unit: string): string {
  const [scaled, prefix] =
    unit !== "/s" || value < 1000 ? [value, ""] : value < 1e6 ? [value / 1e3, "k"] : [value / 1e6, "M"];
  const maximumSignificantDigits = Math.max(3, Math.trunc(Math.abs(scaled)).toString().length);
  return `${scaled.toLocaleString("en", { maximumSignificantDigits })} ${prefix}${unit}`;
}
