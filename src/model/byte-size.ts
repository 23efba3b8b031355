/** Owns how sentences for people name a number of bytes. */

/** e.g. `6291456 bytes (6 MiB)`; a number that is no whole KiB or MiB is named in bytes alone. */
export function describeBytes(bytes: number): string {
  for (const [unit, size] of [
    ['MiB', 1024 * 1024],
    ['KiB', 1024],
  ] as const)
    if (bytes >= size && bytes % size === 0) return `${bytes} bytes (${bytes / size} ${unit})`;
  return `${bytes} bytes`;
}
