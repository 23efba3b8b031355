/** Owns guessing which known name somebody meant who wrote an unknown one. Pure. */

/** Longer texts are no names that somebody mistyped, and comparing them takes long. */
const MAX_LENGTH = 64;

/**
 * The known name that the written one differs from least: by case, or by at most one typed, left out, changed or swapped
 * character in three. Undefined when there is none.
 */
export function nearName(written: string, known: Iterable<string>): string | undefined {
  if (written.length > MAX_LENGTH) return undefined;
  let nearest: string | undefined;
  let least = Infinity;
  for (const name of known) {
    if (Math.abs(name.length - written.length) > MAX_LENGTH / 3) continue;
    const changes = distance(written.toLowerCase(), name.toLowerCase());
    if (changes < least && changes <= Math.max(written.length, name.length) / 3) {
      nearest = name;
      least = changes;
    }
  }
  return nearest;
}

/** How many characters are inserted, deleted, replaced or swapped with their neighbour: the optimal string alignment. */
function distance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (isSwapped) least = Math.min(least, (beforeLast[column - 2] ?? 0) + 1);
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length] ?? 0;
}
