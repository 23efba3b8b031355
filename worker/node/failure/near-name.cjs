/** Owns telling whether a written name is a known one that somebody mistyped. Pure, and read only when there is something to say. */
'use strict';

/**
 * Whether two names are equal, or one typed, left out, changed or swapped character away from each other.
 * @param {string} one
 * @param {string} other
 */
function isNear(one, other) {
  let start = 0;
  while (start < one.length && one[start] === other[start]) start += 1;
  const [restOfOne, restOfOther] = [one.slice(start), other.slice(start)];
  return (
    restOfOne.slice(1) === restOfOther ||
    restOfOne === restOfOther.slice(1) ||
    restOfOne.slice(1) === restOfOther.slice(1) ||
    (restOfOne[0] === restOfOther[1] &&
      restOfOne[1] === restOfOther[0] &&
      restOfOne.slice(2) === restOfOther.slice(2))
  );
}

module.exports = { isNear };
