/**
 * Owns seeing that a handler takes the promise of `req.json()` for the body itself. Its source is read, once, when it has loaded:
 * whether a promise was waited for could be told in a call only by making the promise another one. Only what is certain, so
 * a value that is handed on, or whose name stands for anything else, is left alone.
 */
'use strict';

/** How much of a handler's source is read. */
const MAX_LENGTH = 20_000;
/** How many names of promises are followed through the source: each is looked for in all of it. */
const MAX_NAMES = 10;
/** A call of one of the methods, with something else than `await` before it. */
const UNAWAITED = /(?<!await\s+[A-Za-z_]\w*)\.(?:json|text|arrayBuffer)\(\)/;
/** The first parameter of a function or an arrow function. */
const FIRST_PARAMETER = /^(?:async\s+)?(?:function\b[^(]*)?\(?\s*([A-Za-z_]\w*)/;
/** A property of a value that promises do not have. */
const PROPERTY = String.raw`\s*(?:\?\.|\.(?!\.))\s*(?!(?:then|catch|finally|constructor)\b)[A-Za-z_$]`;
/** What may stand before code in its line: no comment, and no text that only shows code. */
const CODE_BEFORE = /^(?!\s*\*)(?:(?!\/[/*])[^'"`])*$/;

/**
 * @param {string} source of a handler of the native contract
 * @returns {string | null} a sentence without a full stop
 */
function missingAwait(source) {
  const text = source.slice(0, MAX_LENGTH);
  // Most handlers either do not ask for the body in this way, or wait for it: they are told from others in a microsecond.
  if (!UNAWAITED.test(text)) return null;
  const request = FIRST_PARAMETER.exec(text)?.[1];
  if (request === undefined) return null;
  const call = String.raw`(?<![\w$.]|await\s+)${request}\.(json|text|arrayBuffer)\(\)`;
  const method =
    methodIn(text, new RegExp(`${call}${PROPERTY}`, 'g')) ??
    methodIn(text, new RegExp(String.raw`\b(?:const|let|var)\s*\{[^{};]*\}\s*=\s*${call}(?!\s*[.?])`, 'g')) ??
    methodOfNamed(
      text,
      new RegExp(String.raw`\b(?:const|let|var)\s+([A-Za-z_]\w*)\s*=\s*${call}(?=\s*(?:;|\n))`, 'g'),
    );
  if (method === null) return null;
  const where = /^async\b/.test(text) ? '' : ', in an async function';
  return `${request}.${method}() gives a promise: write await ${request}.${method}()${where}`;
}

/** The method whose promise a pattern finds in code. @param {string} text @param {RegExp} pattern */
function methodIn(text, pattern) {
  for (const match of text.matchAll(pattern)) if (isCode(text, match.index)) return match[1] ?? null;
  return null;
}

/** The method whose promise is given a name of which nothing but properties is read. @param {string} text @param {RegExp} pattern */
function methodOfNamed(text, pattern) {
  for (const { 0: whole, 1: name, 2: method, index } of [...text.matchAll(pattern)].slice(0, MAX_NAMES)) {
    if (!isCode(text, index)) continue;
    const others = text.slice(0, index) + text.slice(index + whole.length);
    const uses = others.match(new RegExp(String.raw`(?<![\w$]|(?<!\.\.)\.)${name}(?![\w$])`, 'g')) ?? [];
    const reads =
      others.match(new RegExp(String.raw`(?<![\w$]|(?<!\.\.)\.)${name}(?![\w$])${PROPERTY}`, 'g')) ?? [];
    if (reads.length > 0 && reads.length === uses.length) return method ?? null;
  }
  return null;
}

/** @param {string} text @param {number} index */
function isCode(text, index) {
  return CODE_BEFORE.test(text.slice(text.lastIndexOf('\n', index) + 1, index));
}

module.exports = { missingAwait };
