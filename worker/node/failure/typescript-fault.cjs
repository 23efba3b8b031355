/** Owns saying what an author can do about TypeScript that Node cannot run: Node takes types away and changes nothing else. */
'use strict';

/** Into a folder of its own: JavaScript beside the TypeScript would be served from then on, however old. */
const COMPILE =
  'compile it to JavaScript and deploy what that makes, e.g. npx esbuild index.ts --bundle --platform=node --outfile=dist/index.js, then the folder dist';

/**
 * Returns the same error, its message with the advice behind it where there is one.
 * @param {any} error thrown while a function was loaded
 * @returns {any}
 */
function explainTypeScriptFault(error) {
  const advice = adviceFor(error);
  if (advice !== null) error.message = `${error.message}: ${advice}`;
  return error;
}

/** @param {any} error */
function adviceFor(error) {
  if (error?.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return `Node only takes types away. Write it without such syntax, or ${COMPILE}`;
  if (error?.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') return COMPILE;
  if (error instanceof SyntaxError && / does not provide an export named /.test(error.message))
    return 'if it is a type, import it with "import type"';
  return null;
}

/** What to do with TypeScript where this Node does not know it. @param {string} file relative */
function noTypeScript(file) {
  return `${file} is TypeScript, which Node ${process.version} does not run (24 does): ${COMPILE}`;
}

module.exports = { explainTypeScriptFault, noTypeScript };
