/** Owns reading the daemon's streams of JSON, one value per line. */

/** The daemon sends no longer line; events with all labels are below 10 kB. */
const maxLineBytes = 4 * 1024 * 1024;

/**
 * Ends when the stream ends and throws when it is cut. (readline does neither for a response that is cut: it waits for `end`.)
 * @throws SyntaxError for a line that is no JSON, RangeError for an endless one
 */
export async function* jsonLines<T>(stream: NodeJS.ReadableStream): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineBytes) throw new RangeError('a line of the daemon is too long');
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T;
}
