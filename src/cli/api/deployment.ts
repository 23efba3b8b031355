/** Owns `POST /deploy`: the multipart body, and the answer in lines that tell how the deploy goes on. */
import { randomBytes } from 'node:crypto';
import { CliError, EXIT } from '../cli-error.js';
import type { Client } from './client.js';
import { linesOf } from './events.js';
import { failureOf } from './failure.js';

export interface BundleUpload {
  archive: Buffer;
  fileName: string;
  /** Settings and `funcName`, as fields of the form. */
  fields: Record<string, string>;
  /** Called with the bytes of the body that are sent so far. */
  onSent?: (bytes: number) => void;
  /** Called with each sentence about what the server does. */
  onProgress?: (line: string) => void;
}

export interface Deployed {
  function: string;
  version: number;
  digest: string;
  /** Where the listener for functions serves the function, if it is public and there is that listener. */
  publicUrl?: string;
  /** Sentences for the author about what the server noticed. */
  notes?: string[];
  /** Sentences for the author about the code. */
  hints?: string[];
}

/** Sends the bundle. Throws CliError when it is refused. */
export async function sendBundle(client: Client, upload: BundleUpload): Promise<Deployed> {
  const boundary = `glambdar-${randomBytes(16).toString('hex')}`;
  const response = await client.open('POST', '/deploy', {
    headers: {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      Accept: 'application/x-ndjson, application/json',
    },
    body: formOf(upload, boundary),
    ...(upload.onSent && { onSent: upload.onSent }),
  });
  const status = response.statusCode ?? 0;
  let last = '';
  try {
    for await (const line of linesOf(response)) {
      const progress = progressOf(line);
      if (progress === null) last += line;
      else upload.onProgress?.(progress);
    }
  } catch {
    throw new CliError(`${client.url} cut the connection during the deploy; try again.`, EXIT.unreachable);
  }
  const result = parse(last);
  if (status >= 300) throw failureOf(status, last);
  // An error after the first line of progress has its status beside it.
  if (result === null || 'error' in result)
    throw failureOf(typeof result?.['status'] === 'number' ? result['status'] : 422, last);
  return result as unknown as Deployed;
}

function formOf({ archive, fileName, fields }: BundleUpload, boundary: string): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
  );
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(fileName)}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  return Buffer.concat([Buffer.from(parts.join('') + head), archive, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** As browsers write names in a form. */
function quoted(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** The sentence in a line of progress, null for any other line. */
function progressOf(line: string): string | null {
  const value = parse(line);
  return value !== null && typeof value['progress'] === 'string' ? value['progress'] : null;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
