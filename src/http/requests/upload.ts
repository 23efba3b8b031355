/**
 * Owns receiving one uploaded file and its text fields into a directory of its own.
 * The only user of multer. The meaning of the fields is the route's business.
 */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import multer from 'multer';
import { GlambdarError } from '../../errors.js';
import { faultPoint } from '../../faults.js';
import { assertStillSender } from './principal.js';
import { acceptBody, assertNotLeft, declaredLength, hasBody } from './request-body.js';
import { bundleTooLarge, uploadFault, withUploadDirectory, type UploadConfig } from './upload-directory.js';

export type { UploadConfig } from './upload-directory.js';

export interface Upload {
  /** Absolute path of the received file. Gone once `use` has settled. */
  path: string;
  /** The file's name as the client sent it: any text, never to be used as a path. */
  originalName: string;
  /** Text fields by name, each sent once. The object has no prototype, so a field may be called `__proto__`. */
  fields: Record<string, string>;
}

const FIELD_BYTES = 64 * 1024;
const MAX_FIELDS = 20;
/** Bytes by which a form may be longer than its file: all fields at their limit, part heads and boundaries. */
const OVERHEAD_BYTES = MAX_FIELDS * FIELD_BYTES + 64 * 1024;

type Receive = (req: unknown, res: unknown, done: (error?: unknown) => void) => void;
/** Which of a form's files is the upload. */
export type FileChoice = 'field "file"' | 'first zip';

interface ReceivedFile {
  path: string;
  originalname: string;
}
type Received = IncomingMessage & {
  file?: ReceivedFile;
  files?: ReceivedFile[];
  body?: Record<string, unknown>;
};

/** How many files a form may have when the first zip among them counts. */
const MAX_FILES = 10;

/**
 * Receives the file field `file`, calls `use`, and removes the file in any case, also when the client goes away.
 * Throws UNSUPPORTED_MEDIA_TYPE, BUNDLE_TOO_LARGE, MISSING_FILE, INVALID_REQUEST, DISK_FULL, and as `assertStillSender` does.
 * @param choice `first zip`: the first file whose name ends with `.zip`, in any field; other files are not kept
 */
export async function withUpload<T>(
  ctx: Context,
  config: UploadConfig,
  use: (upload: Upload) => Promise<T>,
  choice: FileChoice = 'field "file"',
): Promise<T> {
  const { req, res } = ctx;
  const type = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'multipart/form-data') {
    throw new GlambdarError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the zip, tar or tar.gz as multipart/form-data, in the field "file". With curl: -F file=@my-function.zip',
    );
  }
  if (!hasBody(req)) throw missingFile(choice, []);
  const maxTotalBytes = config.maxBundleBytes + OVERHEAD_BYTES;
  if ((declaredLength(req) ?? 0) > maxTotalBytes) throw bundleTooLarge(config.maxBundleBytes);
  return withUploadDirectory(config, async (directory) => {
    assertNotLeft(req);
    acceptBody(req, res);
    await receive(ctx, directory, config.maxBundleBytes, maxTotalBytes, choice);
    const { file = (req as Received).files?.[0], body } = req as Received;
    if (file === undefined) throw missingFile(choice, Object.keys(body ?? {}));
    await assertStillSender(ctx);
    return use({ path: file.path, originalName: file.originalname, fields: textFields(body ?? {}) });
  });
}

async function receive(
  ctx: Context,
  directory: string,
  maxBundleBytes: number,
  maxTotalBytes: number,
  choice: FileChoice,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const limits = {
      fileSize: maxBundleBytes,
      files: choice === 'first zip' ? MAX_FILES : 1,
      fields: MAX_FIELDS,
      parts: MAX_FIELDS + (choice === 'first zip' ? MAX_FILES : 1),
      fieldSize: FIELD_BYTES,
      fieldNameSize: 100,
      headerPairs: 20,
      // Multer's types lack this option. 0: a field name is a name, never a path into an object.
      fieldNestingDepth: 0,
    };
    // Multer's types lack these two options.
    const options: multer.Options & {
      defParamCharset: string;
      streamHandler: (req: IncomingMessage, parser: NodeJS.WritableStream) => void;
    } = {
      // Browsers and curl send names of files and fields as UTF-8 (RFC 7578 §5.1); multer's own default is Latin-1.
      defParamCharset: 'utf8',
      storage: multer.diskStorage({ destination: directory }),
      limits,
      // Multer reports an error only when the client has sent everything, and none of its limits covers the bytes between
      // parts. Counting here bounds both, for uploads of unknown length.
      streamHandler: (req, parser) => {
        let totalBytes = 0;
        req.on('data', (chunk: Buffer) => {
          faultPoint('upload.begun');
          totalBytes += chunk.length;
          if (totalBytes > maxTotalBytes) {
            req.unpipe(parser);
            reject(bundleTooLarge(maxBundleBytes));
          }
        });
        req.pipe(parser);
      },
    };
    const form = multer(choice === 'first zip' ? { ...options, fileFilter: firstZip() } : options);
    const run = (choice === 'first zip' ? form.any() : form.single('file')) as unknown as Receive;
    run(ctx.req, ctx.res, (error) =>
      error === undefined ? resolve() : reject(uploadError(error, maxBundleBytes, choice)),
    );
  });
}

/** Lets the first file pass whose name ends with `.zip`. */
function firstZip(): NonNullable<multer.Options['fileFilter']> {
  let found = false;
  return (_req, { originalname }, accept) => {
    const isWanted = !found && /\.zip$/i.test(originalname);
    found ||= isWanted;
    accept(null, isWanted);
  };
}

/** Turns multer's and busboy's errors, which carry no status, into ours; clients never see their texts. */
function uploadError(error: unknown, maxBundleBytes: number, choice: FileChoice): Error {
  if (!(error instanceof Error)) return new Error('multer failed', { cause: error });
  if (error instanceof multer.MulterError) {
    if (error.code === 'LIMIT_FILE_SIZE') return bundleTooLarge(maxBundleBytes);
    if (error.code === 'LIMIT_UNEXPECTED_FILE') return missingFile('field "file"', [error.field ?? '']);
    return new GlambdarError(
      'INVALID_REQUEST',
      `The form cannot be taken: ${formFault(error.code, choice)}.`,
    );
  }
  return uploadFault(
    error,
    'The multipart body is broken or incomplete. With curl, leave its Content-Type to -F.',
  );
}

function formFault(code: string, choice: FileChoice): string {
  switch (code) {
    case 'LIMIT_FILE_COUNT':
      return `it has more than ${choice === 'first zip' ? `${MAX_FILES} files` : 'one file'}`;
    case 'LIMIT_FIELD_VALUE':
      return `a field is longer than ${FIELD_BYTES} bytes`;
    case 'LIMIT_PART_COUNT':
      return 'it has too many parts';
    case 'LIMIT_FIELD_COUNT':
      return `it has more than ${MAX_FIELDS} fields`;
    default:
      return 'it has a field without a usable name';
  }
}

function textFields(body: Record<string, unknown>): Record<string, string> {
  const fields = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(body)) {
    if (typeof value !== 'string')
      throw new GlambdarError(
        'INVALID_REQUEST',
        `The form has the field ${JSON.stringify(name.slice(0, 64))} more than once; send it once.`,
      );
    fields[name] = value;
  }
  return fields;
}

/** @param found names of the fields that the form had, as the client sent them */
function missingFile(choice: FileChoice, found: readonly string[]): GlambdarError {
  const had = found
    .map(
      (name) =>
        JSON.stringify(name.slice(0, 64)) + (name === 'file' ? ' as text, without @ before its path' : ''),
    )
    .join(', ');
  const wanted = choice === 'first zip' ? 'no file whose name ends with .zip' : 'no file in the field "file"';
  return new GlambdarError(
    'MISSING_FILE',
    `missing zip file: the form has ${wanted}${had === '' ? '' : `, only ${had}`}. With curl: -F file=@my-function.zip`,
  );
}
