/** Owns the names of headers that are meant for one connection only, so that neither side of the server passes them on. */

/** Header names in lower case: those of RFC 9110 §7.6.1, and two that old clients and servers use for the same purpose. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);
