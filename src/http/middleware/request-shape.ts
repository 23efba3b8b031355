/** Owns the shape that every request must have before other code looks at the request. */
import type { Socket } from 'node:net';
import { GlambdarError } from '../../errors.js';
import type { Check } from './checks.js';

/** The most headers of a request. Node's own limit is switched off, because Node drops further headers silently. */
const MAX_HEADERS = 200;

const absoluteForm = /^https?:\/\/([^/?#]*)([^#]*)$/i;

/**
 * Refuses other versions than HTTP/1.0 and 1.1, tunnels and header floods, and brings a request target in absolute form
 * (`GET http://host/path`, as to a proxy) into origin form, its authority replacing `Host` as RFC 9112 §3.2.2 demands.
 * After this check `req.url` begins with a slash.
 */
export function requestShape(): Check {
  /** Connections on which nobody knows where the next request begins; Node's parser hands over what it takes for one. */
  const unframed = new WeakSet<Socket>();
  return (req, res) => {
    const { httpVersion, method, rawHeaders } = req;
    if (unframed.has(req.socket)) {
      res.setHeader('Connection', 'close');
      throw new GlambdarError(
        'INVALID_REQUEST',
        'This came behind a request whose end is not clear; send it on a new connection.',
      );
    }
    if (httpVersion !== '1.1' && httpVersion !== '1.0') {
      // Node has parsed the request as HTTP/1; how the client frames its next bytes is unknown.
      unframed.add(req.socket);
      res.setHeader('Connection', 'close');
      throw new GlambdarError(
        'INVALID_REQUEST',
        `This server speaks HTTP/1.0 and HTTP/1.1, not HTTP/${httpVersion}.`,
        {
          status: 505,
        },
      );
    }
    if (httpVersion === '1.0' && req.headers['transfer-encoding'] !== undefined) {
      // HTTP/1.0 has no chunks: a proxy of that version may have taken the body for the next request (RFC 9112 §6.1).
      unframed.add(req.socket);
      res.setHeader('Connection', 'close');
      throw new GlambdarError(
        'INVALID_REQUEST',
        'A request of HTTP/1.0 has no Transfer-Encoding; send a Content-Length, or use HTTP/1.1.',
      );
    }
    if (method === 'CONNECT') {
      res.setHeader('Allow', 'DELETE, GET, HEAD, PATCH, POST, PUT');
      throw new GlambdarError('METHOD_NOT_ALLOWED', 'This server is no proxy: it opens no tunnels.');
    }
    if (rawHeaders.length > MAX_HEADERS * 2) {
      throw new GlambdarError(
        'INVALID_REQUEST',
        `The request has ${rawHeaders.length / 2} headers; ${MAX_HEADERS} are allowed.`,
        {
          status: 431,
        },
      );
    }
    const url = req.url ?? '';
    if (url.startsWith('/')) return;
    const match = absoluteForm.exec(url);
    if (match === null)
      throw new GlambdarError(
        'NOT_FOUND',
        'The target of a request must be a path, such as /info, or a whole URL of this server.',
      );
    req.headers.host = match[1] ?? '';
    req.url = match[2]?.startsWith('/') ? match[2] : `/${match[2] ?? ''}`;
  };
}
