/**
 * Owns the host's end of the wire: which message may come when, one load or call at a time, and rejecting the load or
 * call under way when the worker dies. The callers keep the deadlines.
 *
 *   handshake ──ready──▶ idle ──load()──▶ working ──loaded──▶ idle ──invoke()──▶ working ──response|error──▶ idle
 *                 any other message, one for another id, or a byte while nothing is asked ──▶ closed
 */
import type { Socket } from 'node:net';
import {
  FrameDecoder,
  MAX_HEADER_BYTES,
  MAX_STREAM_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  writeFrame,
  type ErrorMessage,
  type InvokeMessage,
  type LoadMessage,
  type ResponseMessage,
  type SerializedError,
  type WorkerMessage,
} from '../../../worker/node/protocol.cjs';
import type { LogSink } from '../../model/call/execution.js';
import { kept, readShared } from './shared-reads.js';
import { parseWorkerMessage } from './worker-message.js';

/** The messages that users of the connection send and receive. */
export type {
  ErrorMessage,
  InvokeMessage,
  LoadMessage,
  SerializedError,
} from '../../../worker/node/protocol.cjs';

/** A worker that sends more frames, or causes more reads, than this in one window is paused: parsing them takes our CPU time. */
const FRAMES_PER_WINDOW = 2_000;
const READS_PER_WINDOW = 2_000;
const WINDOW_MS = 50;

/**
 * Largest header of `ready`, `loaded` and `log`. Only messages that end a load or call may have larger headers, so a
 * hostile worker makes us parse a single large one (some milliseconds), not a stream of them.
 */
const MAX_SMALL_HEADER_BYTES = 1024;

const ONE_AT_A_TIME = 'a worker does one thing at a time';

const SMALL = new Set<WorkerMessage['type']>(['ready', 'loaded', 'log']);

/** The function's code failed while loading. */
export class LoadFailure extends Error {
  readonly error: SerializedError;
  constructor(error: SerializedError) {
    super(error.message);
    this.name = 'LoadFailure';
    this.error = error;
  }
}

/** The worker is gone: it ended (`closed`), broke the protocol (`protocol`), or we closed the connection (`destroyed`). */
export class ConnectionLost extends Error {
  readonly kind: 'closed' | 'protocol' | 'destroyed';
  constructor(kind: 'closed' | 'protocol' | 'destroyed', message: string) {
    super(message);
    this.name = 'ConnectionLost';
    this.kind = kind;
  }
}

/** How a call ended, as the worker reports it. */
export type WorkerAnswer = { message: ResponseMessage; body: Buffer } | { message: ErrorMessage };

/** Who takes the answer of a worker. An object, because every promise and closure on a call's way costs each call. */
interface Taker<Answer> {
  answered(answer: Answer): void;
  /** ConnectionLost, or what kept the worker from doing its work. */
  failed(error: Error): void;
}

/** Who takes the answer to a call. A failure that the worker reports is an answer, too: only ConnectionLost is none. */
export type AnswerTaker = Taker<WorkerAnswer>;

interface Work {
  id: string;
  kind: 'handshake' | 'load' | 'invoke';
  sink: LogSink;
  logBytes: { stdout: number; stderr: number };
  /** A handshake and a load are answered with undefined. */
  taker: Taker<WorkerAnswer | undefined>;
}

export class WorkerConnection {
  #socket: Socket;
  /** The decoder's limits; the body's depends on the work under way. */
  readonly #limits = { maxHeaderBytes: MAX_HEADER_BYTES, maxBodyBytes: 0 };
  readonly #maxBodyBytes: Record<Work['kind'], number>;
  #decoder: FrameDecoder;
  #work: Work | null = null;
  #lost: ConnectionLost | null = null;
  #onLost: ((reason: ConnectionLost) => void) | null = null;
  #frames = 0;
  #reads = 0;
  #window: NodeJS.Timeout | null = null;

  /** @param maxBodyBytes largest response body; a worker that sends more, or too much console output, loses its connection */
  constructor(accepted: Socket, maxBodyBytes: number) {
    this.#socket = readShared(accepted, (bytes, isOwn) => this.#push(bytes, isOwn));
    this.#maxBodyBytes = {
      handshake: 0,
      load: MAX_STREAM_BYTES,
      invoke: Math.max(maxBodyBytes, MAX_STREAM_BYTES),
    };
    this.#decoder = new FrameDecoder(this.#limits, (header, body, headerBytes) => {
      const message = parseWorkerMessage(header, body);
      if (message.type === 'response' && body.length > maxBodyBytes)
        throw new ProtocolError(`a body of ${body.length} bytes came, more than the worker may send`);
      if (headerBytes > MAX_SMALL_HEADER_BYTES && SMALL.has(message.type))
        throw new ProtocolError(`a ${message.type} message has a header of ${headerBytes} bytes`);
      this.#receive(message, body);
    });
    this.#socket.on('error', () => undefined); // 'close' follows, and is handled
    this.#socket.on('close', () =>
      this.#lose(new ConnectionLost('closed', 'the worker closed its connection')),
    );
  }

  /** Why the connection is unusable, or null while it is fine. */
  get lost(): ConnectionLost | null {
    return this.#lost;
  }

  /** Whether the handshake, a load or a call awaits the worker's answer. */
  get working(): boolean {
    return this.#work !== null;
  }

  /** Calls back once, when the connection is lost for any reason. There is only one listener: the instance. */
  onLost(listener: (reason: ConnectionLost) => void): void {
    this.#onLost = listener;
  }

  /** Resolves when the worker has said that it speaks our protocol. Rejects with ConnectionLost. */
  async ready(): Promise<void> {
    await new Promise<unknown>((resolve, reject) => {
      this.#begin('', 'handshake', () => undefined, { answered: resolve, failed: reject });
      this.#socket.resume();
    });
  }

  /** Has the worker load the function's code. Rejects with LoadFailure (the user's code), ConnectionLost. */
  async load(message: LoadMessage, sink: LogSink): Promise<void> {
    await new Promise<unknown>((resolve, reject) => {
      this.#begin(message.id, 'load', sink, { answered: resolve, failed: reject });
      if (!this.#lost) writeFrame(this.#socket, message);
    });
  }

  /** Runs one call. The taker is told how the call ended once, and not before this method has returned. */
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink, taker: AnswerTaker): void {
    this.#begin(message.id, 'invoke', sink, taker);
    if (!this.#lost) writeFrame(this.#socket, message, body);
  }

  /** Tells the worker that the caller has gone; the call may still answer. */
  cancel(id: string): void {
    if (this.#work?.id === id && !this.#lost) writeFrame(this.#socket, { type: 'cancel', id });
  }

  /** Ends the connection and rejects the work under way. May be called twice. */
  destroy(): void {
    this.#lose(new ConnectionLost('destroyed', 'the connection was closed by the host'));
  }

  #begin(id: string, kind: Work['kind'], sink: LogSink, taker: Work['taker']): void {
    const lost = this.#lost;
    if (lost) return queueMicrotask(() => taker.failed(lost));
    if (this.#work) throw new Error(ONE_AT_A_TIME);
    this.#limits.maxBodyBytes = this.#maxBodyBytes[kind];
    this.#work = { id, kind, sink, logBytes: { stdout: 0, stderr: 0 }, taker };
  }

  #push(chunk: Buffer, isOwn: boolean): void {
    if (this.#lost) return;
    this.#reads += 1;
    this.#openWindow();
    try {
      if (!this.#work) throw new ProtocolError('bytes came while nothing was asked');
      this.#decoder.push(chunk, !isOwn);
      // Otherwise the decoder would hold the partial message for as long as the instance is idle.
      if (!this.#work && !this.#decoder.betweenFrames)
        throw new ProtocolError('part of a message came after the answer');
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lose(new ConnectionLost('protocol', error.message));
      return;
    }
    if (this.#frames > FRAMES_PER_WINDOW || this.#reads > READS_PER_WINDOW) this.#socket.pause();
  }

  #receive(message: WorkerMessage, body: Buffer): void {
    if (this.#lost) return;
    this.#frames += 1;
    const work = this.#work;
    if (!work) throw new ProtocolError(`a ${message.type} message came while nothing was asked`);
    if (message.type === 'ready') {
      if (work.kind !== 'handshake') throw new ProtocolError('a second ready message');
      if (message.protocol !== PROTOCOL_VERSION)
        throw new ProtocolError(
          `the worker speaks protocol ${message.protocol}, expected ${PROTOCOL_VERSION}`,
        );
      this.#finish(work, undefined);
      return;
    }
    if (message.id !== work.id || work.kind === 'handshake')
      throw new ProtocolError(`a ${message.type} message for another id`);
    if (message.type === 'log') {
      work.logBytes[message.stream] += body.length;
      if (work.logBytes[message.stream] > MAX_STREAM_BYTES)
        throw new ProtocolError('more output than the worker may send');
      work.sink(message.stream, kept(body));
    } else if (message.type === 'loaded' || message.type === 'load-failed') {
      if (work.kind !== 'load')
        throw new ProtocolError(`a ${message.type} message while no load is under way`);
      if (message.type === 'loaded') this.#finish(work, undefined);
      else this.#fail(work, new LoadFailure(message.error));
    } else {
      if (work.kind !== 'invoke')
        throw new ProtocolError(`a ${message.type} message while no call is under way`);
      this.#finish(work, message.type === 'response' ? { message, body: kept(body) } : { message });
    }
  }

  #finish(work: Work, result: WorkerAnswer | undefined): void {
    this.#work = null;
    work.taker.answered(result);
  }

  #fail(work: Work, error: Error): void {
    this.#work = null;
    work.taker.failed(error);
  }

  #lose(reason: ConnectionLost): void {
    if (this.#lost) return;
    this.#lost = reason;
    if (this.#window) clearTimeout(this.#window);
    this.#socket.destroy();
    if (this.#work) this.#fail(this.#work, reason);
    this.#onLost?.(reason);
  }

  #openWindow(): void {
    this.#window ??= setTimeout(() => {
      this.#window = null;
      this.#frames = 0;
      this.#reads = 0;
      if (!this.#lost) this.#socket.resume();
    }, WINDOW_MS);
  }
}
