/** Units, so that a number never stands alone: `5 * second`, `64 * KiB`. Durations are milliseconds, sizes bytes. */
export const millisecond = 1;
export const second = 1000;
export const minute = 60_000;
export const hour = 3_600_000;

export const KiB = 1024;
export const MiB = 1_048_576;
export const GiB = 1_073_741_824;
