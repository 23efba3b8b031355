/**
 * Owns the directory of one install that its container sees read-only: the manifest, the lockfile, and two sockets. `r` is the
 * registry, `t` takes the result from one connection.
 */
import { chmodSync, closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { writePasswd } from '../instance/slot-socket.js';

export interface InstallSlot {
  /** Resolves with the connection that brings the result. Never rejects; stays pending when none comes. */
  result: Promise<Socket>;
  /** Closes both sockets and removes the directory. */
  close(): void;
}

export interface InstallSlotOptions {
  /** Absolute path; must not exist. */
  dir: string;
  /** uid of the container's user. */
  uid: number;
  /** Content of the files, by name. */
  files: Readonly<Record<string, string>>;
  /** Not listening yet. */
  registry: HttpServer;
}

/** Leaves no directory behind when it fails. */
export function openInstallSlot({ dir, uid, files, registry }: InstallSlotOptions): InstallSlot {
  mkdirSync(dir);
  let descriptor: number | undefined;
  const connections = new Set<Socket>();
  const results = createServer({ pauseOnConnect: true });
  const close = (): void => {
    results.close();
    registry.close();
    registry.closeAllConnections();
    for (const connection of connections) connection.destroy();
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    chmodSync(dir, 0o711);
    writePasswd(dir, uid);
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(dir, name), content);
      chmodSync(join(dir, name), 0o644); // whatever the umask
    }
    descriptor = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    listen(registry, descriptor, 'r');
    const result = new Promise<Socket>((resolve) => {
      results.once('connection', (socket) => {
        // One connection alone may bring a result.
        results.close();
        connections.add(socket);
        resolve(socket);
      });
    });
    listen(results, descriptor, 't');
    return { result, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Through the directory's descriptor: Unix socket paths over 107 bytes are silently cut. */
function listen(server: Server | HttpServer, descriptor: number, name: string): void {
  const path = `/proc/self/fd/${descriptor}/${name}`;
  server.on('error', () => undefined);
  server.listen({ path });
  // listen() has bound the socket with a mode that depends on our umask; the directory lies in a private one.
  chmodSync(path, 0o666);
}
