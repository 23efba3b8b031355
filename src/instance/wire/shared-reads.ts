/**
 * Owns reading the sockets of all workers into one buffer. Node makes a buffer of 64 KiB for every read of a socket and gives
 * most of it back, which took 2 % of this server's time for a warm call. What is read belongs to one tenant and the next read to
 * another, so nobody may keep a view of the buffer: see `kept`.
 */
import { Socket, type OnReadOpts } from 'node:net';

/** What a read of any worker's socket is read into. Its bytes are used before the next read. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** The part of a socket that Node does not document: the connection itself, which another socket can take over. */
type Wrapped = Socket & { _handle?: { useUserBuffer?: unknown } | null };
type TakeOver = new (options: {
  handle: unknown;
  onread: OnReadOpts;
  readable: true;
  writable: true;
  pauseOnCreate: true;
}) => Socket;

/**
 * Has what a paused socket receives from now on passed to the callback: the bytes, whose memory is used again after the
 * callback has returned, unless `isOwn`.
 * @param accepted a socket that a server accepted, that is paused and from which nothing has been read; not to be used any more
 * @returns the socket to use, paused, for the same connection
 */
export function readShared(accepted: Socket, onBytes: (bytes: Buffer, isOwn: boolean) => void): Socket {
  const wrapped = accepted as Wrapped;
  const handle = wrapped._handle;
  if (typeof handle?.useUserBuffer !== 'function')
    return accepted.on('data', (chunk: Buffer) => onBytes(chunk, true));
  wrapped._handle = null;
  return new (Socket as unknown as TakeOver)({
    handle,
    readable: true,
    writable: true,
    pauseOnCreate: true,
    onread: {
      buffer,
      callback(bytes) {
        onBytes(buffer.subarray(0, bytes), false);
        return true;
      },
    },
  });
}

/** The bytes, or a copy of them if they are in memory that the next read uses. */
export function kept(bytes: Buffer): Buffer {
  return bytes.buffer === buffer.buffer ? Buffer.from(bytes) : bytes;
}
