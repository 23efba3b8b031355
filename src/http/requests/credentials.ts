/**
 * Owns the headers in which a token or a key of this server may stand: finding what a request proves itself with, and taking
 * tokens and keys away before a function gets the request. A function is written by somebody whom the caller need not trust.
 */
import type { IncomingMessage } from 'node:http';
import type { Authentication } from '../../accounts/authentication.js';
import { KEY_PREFIX } from '../../accounts/key-text.js';
import { GlambdarError } from '../../errors.js';

const HEADERS = ['authorization', 'x-api-key'] as const;

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * The header that holds a token or key, and what it holds: undefined when it has another form. `X-API-Key` counts before
 * `Authorization` when it holds a key of this server: a public function may have an `Authorization` of its own.
 */
export function credentialOf({ headers }: IncomingMessage): { header?: string; text?: string } {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (typeof apiKey === 'string' && (authorization === undefined || apiKey.startsWith(KEY_PREFIX)))
    return { header: 'x-api-key', text: apiKey };
  if (authorization === undefined) return {};
  const match = /^Bearer +(\S+)$/i.exec(authorization);
  return match === null ? { header: 'authorization' } : { header: 'authorization', text: match[1] as string };
}

/**
 * Takes away every header with a key of this server, whatever the key proves, and every header with a token that proves
 * somebody. Throws INVALID_REQUEST for a header that is there twice: a proxy may have checked another one than counts here.
 * @param counted the header that is taken away by whoever verifies its token
 * @returns a promise only when there is a token to be verified; it rejects with `StoreError`
 */
export function withholdCredentials(
  req: IncomingMessage,
  authentication: Pick<Authentication, 'authenticate'>,
  counted?: string,
): Promise<unknown> | undefined {
  const verified: Promise<void>[] = [];
  for (const name of HEADERS) {
    const value = req.headers[name];
    if (value === undefined) continue;
    assertOnce(req, name);
    const text = String(value);
    // Whatever stands before it: a word that is misspelt makes a token no less a secret.
    const last = text.slice(1 + Math.max(text.lastIndexOf(' '), text.lastIndexOf('\t')));
    if (text.includes(KEY_PREFIX)) dropHeader(req, name);
    else if (name !== counted && TOKEN.test(last))
      verified.push(dropIfProven(req, name, last, authentication));
  }
  return verified.length === 0 ? undefined : Promise.all(verified);
}

async function dropIfProven(
  req: IncomingMessage,
  name: string,
  text: string,
  authentication: Pick<Authentication, 'authenticate'>,
): Promise<void> {
  if (!('unproven' in (await authentication.authenticate(text)))) dropHeader(req, name);
}

/** Takes a header away, if it is there. @param name in lower case */
export function dropHeader(req: IncomingMessage, name: string): void {
  if (req.headers[name] === undefined) return;
  // Made anew without it: an object that loses a property is slow to read ever after.
  const kept: IncomingMessage['headers'] = {};
  for (const other of Object.keys(req.headers)) if (other !== name) kept[other] = req.headers[other];
  req.headers = kept;
  const { rawHeaders } = req;
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (isNamed(rawHeaders[i], name)) rawHeaders.splice(i, 2);
}

function assertOnce({ rawHeaders }: IncomingMessage, name: string): void {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (isNamed(rawHeaders[i], name)) count += 1;
  if (count > 1)
    throw new GlambdarError(
      'INVALID_REQUEST',
      `The header ${name} is there ${count} times; send one, with one token or key.`,
    );
}

function isNamed(raw: string | undefined, name: string): boolean {
  return raw?.length === name.length && raw.toLowerCase() === name;
}
