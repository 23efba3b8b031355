/** Owns the shape every request must have before anything else looks at it. */
import { GlambdarError } from '../../errors.js';
import type { Check } from './checks.js';

/** Node drops headers beyond its own count silently, so that limit is switched off and this one answers. */
const MAX_HEADERS = 200;

const absoluteForm = /^https?:\/\/([^/?#]*)([^#]*)$/i;

/**
 * Refuses header floods, and brings a request target in absolute form (`GET http://host/path`, as to a proxy) into
 * origin form, its authority replacing `Host` as RFC 9112 §3.2.2 demands.
 */
export function requestShape(): Check {
  return (req) => {
    if (req.rawHeaders.length > MAX_HEADERS * 2) {
      throw new GlambdarError('INVALID_REQUEST', `A request may have ${MAX_HEADERS} headers at most.`, {
        status: 431,
      });
    }
    const url = req.url ?? '';
    if (!url.startsWith('/')) {
      const match = absoluteForm.exec(url);
      if (match === null) throw new GlambdarError('NOT_FOUND', 'There is nothing at this path.');
      req.headers.host = match[1] ?? '';
      req.url = match[2]?.startsWith('/') ? match[2] : `/${match[2] ?? ''}`;
    }
  };
}
