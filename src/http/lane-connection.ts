/** Owns one connection of the call lane: whole calls out of its bytes, answers into it, and leaving the lane. */
import { setMaxListeners } from 'node:events';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { GlambdarError } from '../errors.js';
import type { CallLaneOptions } from './call-lane.js';
import { ONE_STRING_BYTES } from './function-response.js';
import { lingeringEnd } from './lingering-end.js';
import { refuse } from './raw-answer.js';
import { idFrom } from './request-id.js';
import { beginsWith, parseSimpleCall, type SimpleCall } from './simple-call.js';
import type { Link } from './simple-call-server.js';

/** A call that is whole at once may be as large as one read. */
const MAX_CALL_BYTES = 64 * 1024;
/** One that comes in pieces is waited for up to this; and the client of a running one is not read beyond it. */
const MAX_PENDING_BYTES = 16 * 1024;

export interface LaneEvents {
  /** A call is being served, and has been. */
  began: () => void;
  ended: () => void;
  /** The connection is closed, or Node's. */
  left: () => void;
}

export class LaneConnection implements Link {
  readonly socket: Socket;
  readonly #options: CallLaneOptions;
  readonly #events: LaneEvents;
  /** Received and not taken yet: part of a call, or what came while one was served. */
  #pending: Buffer | null = null;
  /** The last call: clients that call again say the same. */
  #last: SimpleCall | null = null;
  #busy = false;
  /** The client has been told that this connection ends. */
  #ending = false;
  /** When the last call was over, or the first piece of the next one came. */
  #since = performance.now();
  #gone: AbortController | null = null;

  constructor(socket: Socket, options: CallLaneOptions, events: LaneEvents) {
    this.socket = socket;
    this.#options = options;
    this.#events = events;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('error', this.#onError);
    socket.on('timeout', this.#onStall);
  }

  get gone(): AbortSignal {
    if (this.#gone === null) {
      this.#gone = new AbortController();
      setMaxListeners(0, this.#gone.signal);
    }
    return this.#gone.signal;
  }

  get lost(): boolean {
    return !this.socket.writable;
  }

  send(status: number, headers: readonly string[], body: Buffer): boolean | Promise<boolean> {
    const { socket } = this;
    if (!socket.writable) return false;
    const head = this.#head(status, headers);
    if (body.length <= ONE_STRING_BYTES) socket.write(head + body.toString('latin1'), 'latin1');
    else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
    // Nearly always the kernel has taken it all by now.
    return socket.writableLength === 0 ? true : this.#drained();
  }

  cut(): void {
    if (this.#busy) this.socket.destroy();
    else this.socket.destroySoon();
  }

  /** Its call is answered with the reason. */
  reject(reason: Error): void {
    if (this.#busy) this.#gone?.abort(reason);
  }

  /** What takes too long here is somebody else's: silence and pieces Node's, which has its deadlines for them. */
  look(now: number): void {
    if (this.#busy || !this.socket.writable) return;
    const { keepAliveTimeoutMs, checkIntervalMs } = this.#options;
    const waited = now - this.#since;
    if (this.#last === null || this.#pending !== null) {
      if (waited >= checkIntervalMs / 2) this.#handOver(this.#pending);
    } else if (waited >= keepAliveTimeoutMs) this.socket.destroySoon();
  }

  /** The server stops: Node's answers say so to those who have begun to send. */
  stop(): void {
    if (!this.#busy && this.#pending !== null && this.socket.writable) this.#handOver(this.#pending);
  }

  readonly #onData = (chunk: Buffer): void => {
    // Sent before the client knew that this connection ends.
    if (!this.socket.writable) return;
    const first = this.#pending === null;
    const bytes = first ? chunk : Buffer.concat([this.#pending!, chunk]);
    if (!this.#busy) {
      if (first) this.#since = performance.now();
      this.#take(bytes);
      return;
    }
    this.#pending = bytes;
    if (bytes.length > MAX_PENDING_BYTES) this.socket.pause();
  };

  #take(bytes: Buffer): void {
    this.#pending = null;
    const { stopping, maxBodyBytes } = this.#options;
    const last = this.#last;
    const call = last !== null && beginsWith(bytes, last) ? last : parseSimpleCall(bytes);
    const size = call === null ? 0 : call.head.length + call.bodyBytes;
    const most = bytes.length < size ? MAX_PENDING_BYTES : MAX_CALL_BYTES;
    const mine = size > 0 && bytes.length <= size && size <= most && call!.bodyBytes <= maxBodyBytes;
    if (call === null || !mine || stopping.aborted) {
      this.#handOver(bytes);
      return;
    }
    this.#last = call;
    if (bytes.length < size) this.#pending = bytes;
    else void this.#serve(call, bytes.subarray(call.head.length));
  }

  async #serve(call: SimpleCall, body: Buffer): Promise<void> {
    this.#busy = true;
    this.#events.began();
    try {
      await this.#options.serve(call, body, this);
    } catch (err) {
      this.#options.logger.error({ err }, 'a connection was cut because serving its call failed');
      this.socket.destroy();
    }
    this.#busy = false;
    this.#since = performance.now();
    this.#next();
    this.#events.ended();
  }

  /** Goes on with what came while a call was served. */
  #next(): void {
    const { socket } = this;
    const bytes = this.#pending;
    if (!socket.writable) return;
    if (this.#ending) {
      // What has not been read would make the kernel reset the connection, and the answer be lost.
      if (bytes === null) socket.destroySoon();
      else lingeringEnd(socket);
    }
    if (bytes === null) return;
    socket.resume();
    if (!this.#ending) this.#take(bytes);
  }

  #head(status: number, headers: readonly string[]): string {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    let dated = false;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!;
      text += `${name}: ${headers[i + 1]!}\r\n`;
      dated ||= name.length === 4 && name.toLowerCase() === 'date';
    }
    if (!dated) text += `Date: ${httpDate()}\r\n`;
    this.#ending = this.#options.stopping.aborted;
    if (this.#ending) return `${text}Connection: close\r\n\r\n`;
    const seconds = Math.floor(this.#options.keepAliveTimeoutMs / 1000);
    return `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n`;
  }

  /** Resolves when the kernel has all that was written, or the client has gone. One that takes nothing is cut. */
  #drained(): Promise<boolean> {
    const { socket } = this;
    socket.setTimeout(this.#options.writeStallMs);
    return new Promise((resolve) => {
      socket.write('', (error) => {
        socket.setTimeout(0);
        resolve(!error);
      });
    });
  }

  readonly #onEnd = (): void => {
    // Half of a call, and no more will come.
    if (!this.#busy && this.#pending !== null && this.#last !== null) {
      const error = new GlambdarError('INVALID_REQUEST', 'The request is not valid HTTP.');
      refuse(this.socket, error, idFrom(this.#last.headers['x-request-id']).id);
    } else this.socket.end();
    this.#pending = null;
  };

  readonly #onClose = (): void => {
    this.#events.left();
    if (this.#busy) this.#gone?.abort();
  };

  readonly #onError = (): void => undefined; // `close` follows and tells

  readonly #onStall = (): void => void this.socket.destroy();

  /** @param bytes received and not taken */
  #handOver(bytes: Buffer | null): void {
    const { socket } = this;
    this.#events.left();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    socket.off('timeout', this.#onStall);
    if (bytes !== null) socket.unshift(bytes);
    this.#options.toNode(socket);
    socket.off('error', this.#onError);
  }
}

let date = '';
let dateUntil = 0;

/** As the `Date` header has it; made once a second. */
function httpDate(): string {
  const now = Date.now();
  if (now >= dateUntil) {
    date = new Date(now).toUTCString();
    dateUntil = now - (now % 1000) + 1000;
  }
  return date;
}
