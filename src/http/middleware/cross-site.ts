/**
 * Owns refusing requests that another site's page makes a browser send. A multipart or text POST needs no CORS preflight,
 * so without this check any page could deploy to a loopback server. Programs send neither `Sec-Fetch-Site` nor `Origin`
 * and are let through.
 */
import { GlambdarError } from '../../errors.js';
import { isCall } from '../calls/call-target.js';
import { clientOf } from '../requests/client.js';
import type { Check } from './checks.js';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

export function refuseCrossSite(publicUrl: URL | null): Check {
  return (req) => {
    const { method = '', url = '', headers } = req;
    // A call runs code with any method; but following a link to a function's page is what the function's author wants.
    const runsCode = isCall(url) && headers['sec-fetch-mode'] !== 'navigate';
    if (safeMethods.has(method) && !runsCode) return;
    const site = headers['sec-fetch-site'];
    const foreign =
      (site !== undefined && site !== 'same-origin' && site !== 'none') ||
      (headers.origin !== undefined && !isOwnOrigin(headers.origin, clientOf(req).host ?? '', publicUrl));
    if (foreign) {
      throw new GlambdarError('FORBIDDEN_ORIGIN', 'A page of another origin may not send this request.');
    }
  };
}

/** The host check has found the host that the client named to be this server's. The scheme may differ: TLS may end in a proxy before us. */
function isOwnOrigin(origin: string, host: string, publicUrl: URL | null): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  if (publicUrl !== null && originHost === publicUrl.host && protocol === publicUrl.protocol) return true;
  // Parsed as a URL, so that a default port that is written out equals one that is left away.
  const here = `${protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === originHost;
}
