/** Owns the listening end in a slot directory: one worker connects, once. */
import { chmodSync, closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

export interface SlotSocket {
  /** Resolves with the first connection; rejects with the signal's reason when that comes first. */
  accept(signal: AbortSignal): Promise<Socket>;
  /** Stops listening and unlinks the socket. May be called twice; `accept` does it on its own. */
  close(): void;
}

/** Makes the directory, which must not exist, and listens in it. When that fails the directory is gone again. */
export function openSlot(slotDir: string): SlotSocket {
  mkdirSync(slotDir);
  try {
    chmodSync(slotDir, 0o711);
    return listenInSlot(slotDir);
  } catch (error) {
    rmSync(slotDir, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Listens on `<slotDir>/s`, mode 0666 (the worker has a uid of its own; the slot lies in a 0700 directory).
 * The path goes through the directory's descriptor: Unix socket paths over 107 bytes are silently cut, and two
 * instances would meet on one socket.
 */
export function listenInSlot(slotDir: string): SlotSocket {
  const directory = openSync(slotDir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const path = `/proc/self/fd/${directory}/s`;
  const server = createServer({ pauseOnConnect: true });
  const connected = new Promise<Socket>((resolve, reject) => {
    server.once('error', reject);
    server.once('connection', (socket) => {
      // One connection, then nobody else: closing also unlinks the path.
      close();
      resolve(socket);
    });
  });
  connected.catch(() => undefined);
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    server.close();
    closeSync(directory);
  };
  try {
    server.listen({ path, backlog: 1 });
    // bind(2) happened in listen(); the file's mode follows our umask until now.
    chmodSync(path, 0o666);
  } catch (error) {
    close();
    throw error;
  }

  return {
    close,
    accept: async (signal) => {
      if (signal.aborted) close();
      signal.throwIfAborted();
      let onAbort: (() => void) | undefined;
      const aborted = new Promise<never>((_, reject) => {
        onAbort = () => {
          close();
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true });
      });
      try {
        return await Promise.race([connected, aborted]);
      } finally {
        if (onAbort) signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
