/** Owns whether a path names a file. */
'use strict';
const fs = require('node:fs');

/** @param {string} path of a file, or a link to one @returns {boolean} */
function isFile(path) {
  try {
    return fs.statSync(path).isFile();
  } catch {
    // Not there, or a path through a file.
    return false;
  }
}

module.exports = { isFile };
