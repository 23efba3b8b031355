/**
 * Owns the slot directory of an instance and the listening end in it: one worker connects, once. In a slot are the socket
 * `s`, the name of the worker's user in `passwd`, and later the function.
 */
import { chmodSync, closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';

export interface SlotSocket {
  /** Resolves with the first connection; rejects with the signal's reason when the signal aborts first. */
  accept(signal: AbortSignal): Promise<Socket>;
  /** Stops listening and unlinks the socket. May be called twice; `accept` closes by itself after the first connection. */
  close(): void;
}

/**
 * Makes the directory, which must not exist, and listens in it. Leaves no directory behind when it fails.
 * @param uid uid of the worker
 */
export function openSlot(slotDir: string, uid: number): SlotSocket {
  makeSlot(slotDir);
  try {
    chmodSync(slotDir, 0o711);
    writePasswd(slotDir, uid);
    return listenInSlot(slotDir);
  } catch (error) {
    rmSync(slotDir, { recursive: true, force: true });
    throw error;
  }
}

/** Path of the file that names the users of the slot's container. */
export function passwdOf(slotDir: string): string {
  return join(slotDir, 'passwd');
}

/** Gives the worker's uid a user name: programs look up the name of their own uid. */
export function writePasswd(slotDir: string, uid: number): void {
  const file = passwdOf(slotDir);
  writeFileSync(
    file,
    `root:x:0:0:root:/:/sbin/nologin\nfunction:x:${uid}:${uid}:function:/tmp:/sbin/nologin\n`,
  );
  chmodSync(file, 0o644); // whatever the umask
}

/** Makes the directory of all slots; may be called again, because a cleaner of temporary files may have removed it. */
export function makeRunDirectory(runDir: string): void {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
}

function makeSlot(slotDir: string): void {
  try {
    mkdirSync(slotDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeRunDirectory(dirname(slotDir));
    mkdirSync(slotDir);
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
      // A second connection must not be possible; closing also unlinks the path.
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
    // listen() has bound the socket with a mode that depends on our umask.
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
