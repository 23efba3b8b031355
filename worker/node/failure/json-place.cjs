/** Owns finding the place where a text stops being JSON: V8's messages do not always name one. */
'use strict';

const WHITESPACE = /[\t\n\r ]*/y;
const SCALAR =
  /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const STRING = /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/y;

/**
 * Says what is wrong at which place, e.g. `unexpected "}" at position 5 (line 1, column 6)`. Positions count from 0, lines
 * and columns from 1.
 * @param {string} text that is not JSON
 */
function describeJsonFault(text) {
  const at = faultIn(text);
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const place = `at position ${at} (line ${line}, column ${at - before.lastIndexOf('\n')})`;
  if (at >= text.length) return `it ends ${place}, before the JSON is complete`;
  return `unexpected ${JSON.stringify(String.fromCodePoint(/** @type {number} */ (text.codePointAt(at))))} ${place}`;
}

/** The position of the first token that JSON does not allow; the length of a text that is only incomplete. @param {string} text */
function faultIn(text) {
  let at = 0;
  /** @param {RegExp} token sticky */
  const take = (token) => {
    token.lastIndex = at;
    const [found] = token.exec(text) ?? [''];
    at += found.length;
    return found !== '';
  };
  /** @param {string} character */
  const takeCharacter = (character) => {
    take(WHITESPACE);
    if (text[at] !== character) return false;
    at += 1;
    take(WHITESPACE);
    return true;
  };
  const takeKey = () => (take(WHITESPACE), take(STRING)) && takeCharacter(':');

  /** The closing characters of the arrays and objects that are open. @type {string[]} */
  const open = [];
  take(WHITESPACE);
  for (;;) {
    // 1. A value begins here.
    if (takeCharacter('{')) {
      open.push('}');
      if (text[at] !== '}') {
        if (!takeKey()) return at;
        continue;
      }
    } else if (takeCharacter('[')) {
      open.push(']');
      if (text[at] !== ']') continue;
    } else if (!take(SCALAR)) return at;
    // 2. A value, or an empty array or object, has ended here.
    for (;;) {
      take(WHITESPACE);
      const closing = open.at(-1);
      if (closing === undefined) return at;
      if (takeCharacter(closing)) {
        open.pop();
        continue;
      }
      if (!takeCharacter(',')) return at;
      if (closing === '}' && !takeKey()) return at;
      break;
    }
  }
}

module.exports = { describeJsonFault };
