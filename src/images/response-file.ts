/**
 * Owns reading `response.json` after its container has ended. The container may have put anything in its place: a link to a
 * file of the host, a pipe that never ends, a file of terabytes. Nothing but a small regular file is read.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { FunctionFailureKind } from '../model/call/execution.js';

export type ResponseFile =
  | { type: 'content'; body: Buffer; isWritten: boolean }
  /** `message` says what was found instead of an answer. */
  | { type: 'unusable'; kind: FunctionFailureKind; message: string };

/** @param before the file as it was before the container ran: whether anybody has written it since is told by its times */
export function readResponseFile(path: string, before: BigIntStats, maxBytes: number): ResponseFile {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found =
      code === 'ENOENT'
        ? 'it is not there any more'
        : code === 'ELOOP'
          ? 'it is a link'
          : 'it cannot be opened';
    return unusable('bad-response', found);
  }
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile())
      return unusable('bad-response', stat.isDirectory() ? 'it is a folder' : 'it is no regular file');
    if (stat.size > maxBytes)
      return unusable('response-too-large', `it has ${stat.size} bytes, and at most ${maxBytes} are sent`);
    const body = readAll(file, Number(stat.size));
    const isWritten = stat.ino !== before.ino || stat.ctimeNs !== before.ctimeNs;
    return { type: 'content', body, isWritten };
  } finally {
    closeSync(file);
  }
}

function readAll(file: number, size: number): Buffer {
  const body = Buffer.alloc(size);
  let length = 0;
  for (;;) {
    const read = length === size ? 0 : readSync(file, body, length, size - length, null);
    if (read === 0) return body.subarray(0, length);
    length += read;
  }
}

function unusable(kind: FunctionFailureKind, found: string): ResponseFile {
  return { type: 'unusable', kind, message: `The function's response.json cannot be read: ${found}.` };
}
