/** Owns saying what lies in a function's folder instead of an entry file, and what its author can do. Read only when a load fails. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

/** Files in other languages. */
const FOREIGN_CODE = /\.(?:py|rb|php|go|rs|java|jar|cs|sh)$/;
const JSX = /\.[jt]sx$/;
const CODE = /\.[mc]?[jt]s$/;
/** Files of tools, which are no function. */
const TOOL = /(?:\.config\.|\.d\.[mc]?ts$|\.test\.|\.spec\.|^\.)/;
const MAX_FILES_NAMED = 10;
/** Folders that are looked into: a bundle may have 20,000, and a server waits for the answer. */
const MAX_FOLDERS = 100;

/**
 * @param {string} root absolute path of the function's folder
 * @param {readonly string[]} entryFiles names of entry files
 * @param {string | null} main the `main` of package.json
 * @returns {string} what was found, and after a full stop what to do; without one at the end
 */
function describeFiles(root, entryFiles, main) {
  const advice = adviceFor(root, fs.readdirSync(root), entryFiles, main);
  return advice === null ? listFiles(root) : `${listFiles(root)}. ${advice}`;
}

/** @param {string} root @returns {string} e.g. `found "a.js", "b.js" and 3 more` */
function listFiles(root) {
  const names = fs.readdirSync(root);
  if (names.length === 0) return 'the zip is empty';
  const shown = names.slice(0, MAX_FILES_NAMED).map((name) => JSON.stringify(name.slice(0, 64)));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `found ${shown.join(', ')}${more}`;
}

/** @param {string} root @param {readonly string[]} names @param {readonly string[]} entryFiles @param {string | null} main */
function adviceFor(root, names, entryFiles, main) {
  const wanted = [...(main === null ? [] : [path.basename(main)]), ...entryFiles];
  // A folder may have the very name.
  const similar = names.find(
    (name) => !wanted.includes(name) && wanted.some((one) => one.toLowerCase() === name.toLowerCase()),
  );
  if (similar !== undefined) {
    const meant = wanted.find((one) => one.toLowerCase() === similar.toLowerCase());
    return `Upper and lower case count: rename ${similar} to ${meant}`;
  }
  if (names.some((name) => JSX.test(name)))
    return 'JSX is no JavaScript: compile it before you deploy it, e.g. npx esbuild index.tsx --bundle --platform=node --outfile=index.js';
  const inFolder = foldersIn(root)
    .flatMap((name) => entryFiles.map((entry) => `${name}/${entry}`))
    .find((file) => isFile(path.join(root, file)));
  if (inFolder !== undefined)
    return `There is ${inFolder}: set handler to "${stemOf(inFolder)}.handler", or deploy that folder`;
  const code = names.filter((name) => CODE.test(name) && !TOOL.test(name));
  if (code.length === 1)
    return `Rename ${code[0]} to index${path.extname(String(code[0]))}, or set handler to "${stemOf(String(code[0]))}.<its export>"`;
  if (names.some((name) => FOREIGN_CODE.test(name)) || names.includes('Dockerfile'))
    return 'JavaScript and TypeScript run as a zip, other languages as an image (docs/images.md)';
  return null;
}

/** The first folders of the function's own. @param {string} root */
function foldersIn(root) {
  return fs
    .readdirSync(root, { withFileTypes: true })
    .filter((one) => one.isDirectory() && one.name !== 'node_modules')
    .slice(0, MAX_FOLDERS)
    .map(({ name }) => name);
}

/** @param {string} file */
function stemOf(file) {
  return file.slice(0, -path.extname(file).length);
}

/** @param {string} file */
function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch {
    // Not there, or a path through a file.
    return false;
  }
}

module.exports = { describeFiles, listFiles };
