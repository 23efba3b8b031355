/** Owns starting the programs the server is compared with (`echo-server.ts`), and the client of the bare socket one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(import.meta.dirname, 'echo-server.ts');

/** An echo server in a process of its own. */
export class EchoServer {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Listens when it resolves. @param path of the socket, for kind "socket" */
  static async start(kind: 'koa' | 'http' | 'socket', path?: string): Promise<EchoServer> {
    const args = ['--import=tsx', PROGRAM, kind, ...(path === undefined ? [] : [path])];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
      stdio: ['pipe', 'pipe', 'inherit'],
      // Like the server under test: where Linux gives each session its part of the cores, both have one of their own.
      detached: true,
    });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the ${kind} echo server ended with ${code}`)));
    });
    return new EchoServer(child, Number(port));
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** Bytes over a Unix socket to another process and back: what no call of a worker can be faster than. */
export class SocketEcho {
  readonly #server: EchoServer;
  readonly #socket: Socket;
  readonly #path: string;

  private constructor(server: EchoServer, socket: Socket, path: string) {
    this.#server = server;
    this.#socket = socket;
    this.#path = path;
  }

  static async start(): Promise<SocketEcho> {
    const path = join(tmpdir(), `glambdar-bench-echo-${process.pid}`);
    const server = await EchoServer.start('socket', path);
    const socket = connect(path);
    await once(socket, 'connect');
    return new SocketEcho(server, socket, path);
  }

  /** @returns milliseconds until as many bytes are back */
  call(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      let missing = bytes.length;
      const receive = (chunk: Buffer): void => {
        missing -= chunk.length;
        if (missing > 0) return;
        this.#socket.off('data', receive);
        this.#socket.off('error', reject);
        resolve(performance.now() - began);
      };
      this.#socket.on('data', receive);
      this.#socket.once('error', reject);
      const began = performance.now();
      this.#socket.write(bytes);
    });
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#server.stop();
    rmSync(this.#path, { force: true });
  }
}
