/**
 * Owns refusing requests that another site's page makes a browser send. A multipart or text POST needs no CORS preflight,
 * so without this check any page could deploy to a loopback server. Programs send neither `Sec-Fetch-Site` nor `Origin`
 * and are let through.
 */
import { GlambdarError } from '../../errors.js';
import { runsCode } from '../calls/call-target.js';
import { clientOf } from '../requests/client.js';
import type { Check } from './checks.js';

/** Characters of a foreign origin that the refusal repeats. */
const LONGEST_ORIGIN = 200;

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

export function refuseCrossSite(publicUrl: URL | null): Check {
  return (req) => {
    const { method = '', url = '', headers } = req;
    // A call runs code with any method; but following a link to a function's page is what the function's author wants.
    const mayRun = runsCode(url) && headers['sec-fetch-mode'] !== 'navigate';
    if (safeMethods.has(method) && !mayRun) return;
    const site = headers['sec-fetch-site'];
    const foreign =
      (site !== undefined && site !== 'same-origin' && site !== 'none') ||
      (headers.origin !== undefined && !isOwnOrigin(headers.origin, clientOf(req).host ?? '', publicUrl));
    if (foreign) throw forbidden(headers.origin);
  };
}

/** Names the origin, which a browser shows nowhere, and the two ways to let pages in. */
function forbidden(origin: string | undefined): GlambdarError {
  const named = origin === undefined ? '' : `, ${JSON.stringify(origin.slice(0, LONGEST_ORIGIN))},`;
  return new GlambdarError(
    'FORBIDDEN_ORIGIN',
    `A page of another origin${named} may not send this request. If this server is reached under that origin, set ` +
      'GLAMBDAR_PUBLIC_URL to it; for functions that pages of other origins call, see docs/publishing.md.',
  );
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
