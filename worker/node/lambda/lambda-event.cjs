/** Owns the event of the `lambda` contract: payload format 2.0, as function URLs send it. */
'use strict';
const { clientAddressOf, withoutMark } = require('../request.cjs');

/** @typedef {import('../protocol.cjs').InvokeMessage} InvokeMessage */

/** Types whose bodies AWS gives as text; all others come in base64. */
const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml)$|application\/[^;]*\+(?:json|xml)$)/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * @param {InvokeMessage} message
 * @param {Buffer} body
 * @param {string} name of the function
 */
function createEvent(message, body, name) {
  const { method, path, query, invocationId, host } = message;
  const now = new Date();
  const headers = joinHeaders(message.headers);
  headers['host'] = host ?? 'localhost';
  if (body.length > 0) headers['content-length'] = String(body.length);
  const { cookie } = headers;
  const content = body.length === 0 ? undefined : encodeBody(body, headers['content-type']);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/).filter((one) => one !== '') }),
    headers,
    ...(query === '' ? {} : { queryStringParameters: joinPairs(new URLSearchParams(query), ',') }),
    requestContext: {
      accountId: 'anonymous',
      apiId: name,
      domainName: headers['host'],
      domainPrefix: name,
      http: {
        method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp: clientAddressOf(message),
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: invocationId,
      routeKey: '$default',
      stage: '$default',
      time: commonLogTime(now),
      timeEpoch: now.getTime(),
    },
    ...(content === undefined ? {} : { body: content.text }),
    isBase64Encoded: content?.isBase64 ?? false,
  };
}

/** @param {Buffer} body @param {string | undefined} type */
function encodeBody(body, type) {
  const essence = (type ?? 'text/plain').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (TEXT_TYPE.test(essence)) {
    const text = body.toString('utf8');
    // Bytes that are not UTF-8 would be lost.
    if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(body))
      return { text: essence.endsWith('json') ? withoutMark(text) : text, isBase64: false };
  }
  return { text: body.toString('base64'), isBase64: true };
}

/** @param {[string, string][]} pairs @returns {Record<string, string>} lower-case names */
function joinHeaders(pairs) {
  return joinPairs(pairs, ',', '; ');
}

/**
 * @param {Iterable<[string, string]>} pairs
 * @param {string} separator between the values of one name
 * @param {string} [cookieSeparator]
 * @returns {Record<string, string>}
 */
function joinPairs(pairs, separator, cookieSeparator = separator) {
  /** @type {Map<string, string>} */
  const joined = new Map();
  for (const [name, value] of pairs) {
    const before = joined.get(name);
    const between = name === 'cookie' ? cookieSeparator : separator;
    joined.set(name, before === undefined ? value : before + between + value);
  }
  // fromEntries makes own properties of any name, `__proto__` included.
  return Object.fromEntries(joined);
}

/** A time as access logs have it: `12/Mar/2020:19:03:58 +0000`. @param {Date} date */
function commonLogTime(date) {
  const [day, time] = /** @type {[string, string]} */ (date.toISOString().split('T'));
  return `${day.slice(8)}/${MONTHS[date.getUTCMonth()]}/${day.slice(0, 4)}:${time.slice(0, 8)} +0000`;
}

module.exports = { createEvent };
