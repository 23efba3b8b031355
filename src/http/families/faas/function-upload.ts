/** Owns receiving what a faas client deploys: JSON with a name, and the tar of the function's folder in base64. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'koa';
import { GlambdarError } from '../../../errors.js';
import { isFunctionName, NAME_RULE } from '../../../model/function/function-name.js';
import { printable } from '../../../model/printable.js';
import { Base64Error } from '../../requests/base64-decoder.js';
import { assertStillSender } from '../../requests/principal.js';
import { JsonWithFile } from '../../requests/json-with-file.js';
import { acceptBody, declaredLength } from '../../requests/request-body.js';
import {
  bundleTooLarge,
  uploadFault,
  withUploadDirectory,
  type UploadConfig,
} from '../../requests/upload-directory.js';

/** Bytes of JSON beside the file. */
const MAX_REST_BYTES = 64 * 1024;
/** Base64 takes four characters for three bytes, and up to a tenth more for line breaks, which are two characters in JSON. */
const BASE64_SHARE = (4 / 3) * 1.1;

export interface FunctionUpload {
  /** A valid name of a function. */
  name: string;
  /** Absolute path of the tar. Gone once `use` has settled. */
  path: string;
}

/** The body is no JSON, or no object: no function's data. */
export class UnreadableFunctionData extends GlambdarError {
  constructor(cause?: unknown) {
    super('INVALID_REQUEST', 'Failed to get function data from request body', { cause });
  }
}

/**
 * Receives the body into a file, whatever type the body says that it has, and calls `use`. Throws UnreadableFunctionData,
 * INVALID_NAME, INVALID_REQUEST, BUNDLE_TOO_LARGE, DISK_FULL, CANCELLED, and as `assertStillSender` does.
 */
export async function withFunctionUpload<T>(
  ctx: Context,
  config: UploadConfig,
  use: (upload: FunctionUpload) => Promise<T>,
): Promise<T> {
  const { req, res } = ctx;
  const maxBytes = Math.ceil(config.maxBundleBytes * BASE64_SHARE) + MAX_REST_BYTES;
  if ((declaredLength(req) ?? 0) > maxBytes) throw bundleTooLarge(config.maxBundleBytes);
  return withUploadDirectory(config, async (directory) => {
    acceptBody(req, res);
    const path = join(directory, 'function.tar');
    const name = await receive(req, path, maxBytes, config.maxBundleBytes);
    await assertStillSender(ctx);
    return use({ name, path });
  });
}

/** Writes the file of the body to `path`. Returns the function's name. */
async function receive(
  req: Context['req'],
  path: string,
  maxBytes: number,
  maxFileBytes: number,
): Promise<string> {
  const body = new JsonWithFile('file');
  let fileBytes = 0;
  let receivedBytes = 0;
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw uploadFault(error, '');
  });
  try {
    // The request must outlive a refusal: its client shall read the answer.
    const pieces: AsyncIterable<Buffer> = req.iterator({ destroyOnReturn: false });
    for await (const piece of pieces) {
      receivedBytes += piece.length;
      const decoded = body.push(piece);
      fileBytes += decoded.length;
      if (fileBytes > maxFileBytes || receivedBytes > maxBytes) throw bundleTooLarge(maxFileBytes);
      if (body.restBytes > MAX_REST_BYTES) throw tooMuchBeside();
      await handle.appendFile(decoded);
    }
    const name = nameOf(body);
    const last = lastBytes(body);
    if (fileBytes + last.length > maxFileBytes) throw bundleTooLarge(maxFileBytes);
    await handle.appendFile(last);
    return name;
  } catch (error) {
    if (req.destroyed && !req.complete)
      throw new GlambdarError('CANCELLED', 'The client went away while it sent the function.', {
        cause: error,
      });
    throw uploadFault(error, 'The request body is broken or incomplete.');
  } finally {
    await handle.close();
  }
}

function nameOf(body: JsonWithFile): string {
  const data = objectOf(body.rest());
  const { name, file } = data as { name?: unknown; file?: unknown };
  if (typeof name !== 'string') throw invalid('"name" is missing: send the name of the function as text.');
  if (!isFunctionName(name)) {
    throw new GlambdarError(
      'INVALID_NAME',
      `The name ${printable(name)} cannot be used: a name is ${NAME_RULE}.`,
    );
  }
  if (typeof file !== 'string' || body.filesSeen === 0)
    throw invalid('"file" is missing: send the tar of the function\'s folder as base64 text.');
  if (body.filesSeen > 1) throw invalid('"file" is there more than once: send one.');
  return name;
}

function objectOf(text: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    throw new UnreadableFunctionData(error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UnreadableFunctionData();
  return value;
}

function lastBytes(body: JsonWithFile): Buffer {
  try {
    return body.end();
  } catch (error) {
    if (!(error instanceof Base64Error)) throw error;
    throw invalid('"file" is not base64: send the tar of the function\'s folder as base64 text.');
  }
}

function tooMuchBeside(): GlambdarError {
  return invalid(
    `There are more than ${MAX_REST_BYTES} bytes of JSON beside "file": send "name" and "file" only.`,
  );
}

function invalid(message: string): GlambdarError {
  return new GlambdarError('INVALID_REQUEST', message);
}
