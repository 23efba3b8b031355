/** Owns encoding a body as JSON. */
'use strict';
const { BadResponse, describe } = require('./answer-rules.cjs');

/**
 * @param {any} body
 * @returns {Buffer}
 * @throws {BadResponse} when JSON cannot express the value
 */
function renderJson(body) {
  let json;
  try {
    json = JSON.stringify(body);
  } catch (error) {
    throw new BadResponse(`body cannot be encoded as JSON: ${/** @type {any} */ (error)?.message}`);
  }
  if (json === undefined) throw new BadResponse(`body is ${describe(body)}, which JSON cannot express.`);
  return Buffer.from(json, 'utf8');
}

module.exports = { renderJson };
