/** Owns multipart bodies written by hand, good and odd ones. */
import { head } from './server-fixture.js';

export const BOUNDARY = 'b0undary';
export const TYPE = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;

export const file = (content: string, filename = 'hello.zip', field = 'file'): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\nContent-Type: application/zip\r\n\r\n${content}\r\n`;
export const field = (name: string, value: string): string =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
export const end = `--${BOUNDARY}--\r\n`;

export const deploy = (body: string, type = TYPE): string =>
  head('POST /deploy', type, `Content-Length: ${Buffer.byteLength(body, 'latin1')}`) + body;
