/**
 * Owns telling the places of a stack in the author's own files, where the code comes with source maps. Node can do the same
 * for every stack (`--enable-source-maps`), but then reads all maps while the code loads: 45 ms for a bundle of 6 MB. Here
 * maps are read when an error is told to the host, which costs functions that do not fail nothing.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

/** Larger files, or maps, are not read: a call that fails must not fail for want of memory. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** Frames of one stack that are looked up; V8 keeps ten unless told otherwise. */
const MAX_FRAMES = 50;
const FRAME = /^(\s+at )(?:(.+?) \()?(?:file:\/\/)?(\/[^()\n]+?):(\d+):(\d+)(\)?)$/;
const LINK = /^\/\/[#@] sourceMappingURL=(\S+)\s*$/gm;

/** Maps by the file they belong to; null for a file without a map. @type {Map<string, FileMap | null>} */
const maps = new Map();

/**
 * @typedef {{ map: import('node:module').SourceMap, directory: string }} FileMap
 * @typedef {{ indent: string, name: string | undefined, file: string, line: number, column: number }} Frame
 */

/**
 * @param {string} stack with absolute paths
 * @param {string} root absolute path of the function's folder; other files are left alone
 * @returns {string} the same stack where nothing is found
 */
function withOriginalPlaces(stack, root) {
  // Node has done it already.
  if (/** @type {any} */ (process).sourceMapsEnabled) return stack;
  const lines = stack.split('\n');
  const frames = lines.slice(0, MAX_FRAMES).map((line) => frameOf(line, root));
  const entries = frames.map((frame) => (frame === null ? null : entryOf(frame)));
  return lines
    .map((line, index) => {
      const [frame, entry] = [frames[index], entries[index]];
      if (!frame || !entry) return line;
      // The map gives a function its name where it is called: in the frame below.
      const name = entries[index + 1]?.name ?? frame.name;
      const place = `${entry.file}:${entry.line}:${entry.column}`;
      return `${frame.indent}${name === undefined ? place : `${name} (${place})`}`;
    })
    .join('\n');
}

/** @param {string} line @param {string} root @returns {Frame | null} */
function frameOf(line, root) {
  const [, indent = '', name, file = '', row, column] = FRAME.exec(line) ?? [];
  if (!file.startsWith(`${root}/`)) return null;
  return { indent, name, file, line: Number(row), column: Number(column) };
}

/** @param {Frame} frame */
function entryOf({ file, line, column }) {
  const known = mapOf(file);
  // Both are counted from 0 in maps.
  const entry = /** @type {any} */ (known?.map.findEntry(line - 1, column - 1));
  if (typeof entry?.originalSource !== 'string') return null;
  return {
    name: /** @type {string | undefined} */ (entry.name || undefined),
    file: sourcePath(entry.originalSource, /** @type {FileMap} */ (known).directory),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  };
}

/** Names such as `webpack:///src/a.ts` stay. @param {string} source @param {string} directory */
function sourcePath(source, directory) {
  return /^[a-z]+:\/\//.test(source) ? source : path.resolve(directory, source);
}

/** @param {string} file @returns {FileMap | null} */
function mapOf(file) {
  const known = maps.get(file);
  if (known !== undefined) return known;
  let map = null;
  try {
    map = readMap(file);
  } catch {
    // The stack is right without its map, too.
  }
  maps.set(file, map);
  return map;
}

/** @param {string} file @returns {FileMap | null} @throws for a map that cannot be read or is none */
function readMap(file) {
  const link = [...read(file).matchAll(LINK)].at(-1)?.[1];
  if (link === undefined) return null;
  const data = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(link);
  const target = path.resolve(path.dirname(file), decodeURI(link));
  const text = data
    ? Buffer.from(decodeURIComponent(data[2] ?? ''), data[1] ? 'base64' : 'utf8').toString('utf8')
    : read(target);
  const payload = JSON.parse(text);
  const { SourceMap } = require('node:module');
  const directory = path.resolve(path.dirname(data ? file : target), payload.sourceRoot || '.');
  return { map: new SourceMap(payload), directory };
}

/** @param {string} file */
function read(file) {
  if (fs.statSync(file).size > MAX_FILE_BYTES) throw new Error(`${file} is too large`);
  return fs.readFileSync(file, 'utf8');
}

module.exports = { withOriginalPlaces };
