/** Owns how the path of a client's request stands in the record of its call: printable, bounded, and without the query, which may hold secrets. */
import { redactedText, type Redaction } from './redaction.js';

/** Characters of a path that are kept. */
const MAX_PATH_CHARACTERS = 256;

/**
 * The path as the client sent it, with every byte that is not visible ASCII percent-encoded. A path with values of secrets is
 * decoded, and they are taken out: clients differ in which characters they encode.
 * @param target the request's target in origin form, one character for each byte, as Node gives it
 */
export function recordedPath(target: string, redaction: Pick<Redaction, 'isEmpty' | 'redact'>): string {
  const path = redactedText(visiblePath(target), redaction);
  if (redaction.isEmpty || !path.includes('%')) return shortPath(path);
  const plain = percentDecoded(path);
  const told = redactedText(plain, redaction);
  return shortPath(told === plain ? path : encoded(told));
}

/** The path of a target in visible ASCII. */
function visiblePath(target: string): string {
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  // A replacement that replaces nothing takes three times as long as this look.
  if (/^[\x21-\x7e]*$/.test(path)) return path;
  return path.replaceAll(/[^\x21-\x7e]+/g, (bytes) => percentEncoded(Buffer.from(bytes, 'latin1')));
}

/** The first characters of a path; `…` stands for the others. */
function shortPath(path: string): string {
  return path.length <= MAX_PATH_CHARACTERS ? path : `${path.slice(0, MAX_PATH_CHARACTERS)}…`;
}

/** The text that percent-encoded bytes stand for. Bytes that are no UTF-8 become replacement characters. */
function percentDecoded(path: string): string {
  return path.replaceAll(/(?:%[\da-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/** The text in visible ASCII, and the spaces in what stands for secrets. */
function encoded(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, (characters) => percentEncoded(Buffer.from(characters)));
}

function percentEncoded(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase().replaceAll(/../g, '%$&');
}
