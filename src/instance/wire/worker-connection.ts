/**
 * Owns the host's end of the wire: which message may come when, one load or call under way at a time, and rejecting the load
 * or the calls when the worker dies. The callers keep the deadlines.
 *
 *   handshake ──ready──▶ idle ──load()──▶ working ──loaded──▶ idle ──invoke()──▶ working ──response|error──▶ idle
 *                 any other message, one for another id, or a byte while nothing is asked ──▶ closed
 *   working ──returned──▶ working, with one call less that has not begun
 *
 * More calls may be sent while one is under way. The worker begins the next one when it has answered the one before, so a call
 * whose predecessor is not answered has not begun: it can be given to another worker, whatever became of this one.
 */
import type { Socket } from 'node:net';
import {
  FrameDecoder,
  MAX_HEADER_BYTES,
  MAX_STREAM_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  AHEAD_MS,
  isLast,
  monotonicMs,
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

export { BROKEN_OFF, LONG_CALL_MS } from '../../../worker/node/protocol.cjs';

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

const SMALL = new Set<WorkerMessage['type']>(['ready', 'loaded', 'log', 'returned']);

/** The function's code failed while loading. */
export class LoadFailure extends Error {
  readonly error: SerializedError;
  constructor(error: SerializedError) {
    super(error.message);
    this.name = 'LoadFailure';
    this.error = error;
  }
}

type LossKind = 'closed' | 'protocol' | 'destroyed' | 'abandoned';

/**
 * The worker is gone: it ended (`closed`), broke the protocol (`protocol`), or we closed the connection (`destroyed`; `abandoned`
 * if the container could not be stopped).
 */
export class ConnectionLost extends Error {
  readonly kind: LossKind;
  constructor(kind: LossKind, message: string) {
    super(message);
    this.name = 'ConnectionLost';
    this.kind = kind;
  }
}

/** The worker has not begun this call, and never will: it gave the call back, or it has ended. */
export class NotBegun extends Error {
  constructor() {
    super('the worker has not begun the call');
    this.name = 'NotBegun';
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

/** Who takes the answer to a call. A failure that the worker reports is an answer, too: only ConnectionLost and NotBegun are none. */
export interface AnswerTaker extends Taker<WorkerAnswer> {
  /** The worker begins this call: when it is sent, or later if another was under way then. Not called when the connection is lost. */
  begun(): void;
}

interface Work {
  id: string;
  kind: 'handshake' | 'load' | 'invoke';
  sink: LogSink;
  logBytes: { stdout: number; stderr: number };
  /** A handshake and a load are answered with undefined. */
  taker: Taker<WorkerAnswer | undefined>;
}

const NOBODY: Work['taker'] = { answered: () => undefined, failed: () => undefined };

interface Call extends Work {
  kind: 'invoke';
  taker: AnswerTaker;
  /** When the call may begin at the latest, by `monotonicMs`, if it was sent ahead; else 0. */
  until: number;
}

export class WorkerConnection {
  #socket: Socket;
  /** The decoder's limits; the body's depends on the work under way. */
  readonly #limits = { maxHeaderBytes: MAX_HEADER_BYTES, maxBodyBytes: 0 };
  readonly #maxBodyBytes: Record<Work['kind'], number>;
  #decoder: FrameDecoder;
  #work: Work | null = null;
  /** Calls the worker has and will begin one after the other, once the call under way is answered. */
  #ahead: Call[] = [];
  /** The calls behind the one under way have been recalled. */
  #isRecalled = false;
  /** Ids of calls that the worker will give back and that were taken from it before, while this work was under way. */
  readonly #taken = new Set<string>();
  #takenDuring: Work | null = null;
  /** How far the worker's clock may be behind ours, in milliseconds. */
  #behindMs = 0;
  #lost: ConnectionLost | null = null;
  #onLost: ((reason: ConnectionLost) => void) | null = null;
  #frames = 0;
  #reads = 0;
  #window: NodeJS.Timeout | null = null;
  /** A write failed before the worker's end was read: an answer may have been lost with the socket. */
  #mayBeUnread = false;

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
    this.#socket.on('error', ({ syscall }: NodeJS.ErrnoException) => {
      // 'close' follows, and is handled.
      this.#mayBeUnread = syscall === 'write' && !this.#socket.readableEnded;
    });
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

  /** Whether the worker has calls that it has not begun. */
  get hasAhead(): boolean {
    return this.#ahead.length > 0;
  }

  /** Calls back once, when the connection is lost for any reason. There is only one listener: the instance. */
  onLost(listener: (reason: ConnectionLost) => void): void {
    this.#onLost = listener;
  }

  /** Resolves when the worker has said that it speaks our protocol. Rejects with ConnectionLost. */
  async ready(): Promise<void> {
    await new Promise<unknown>((resolve, reject) => {
      this.#begin(workOf('', 'handshake', () => undefined, { answered: resolve, failed: reject }));
      this.#socket.resume();
    });
  }

  /** Has the worker load the function's code. Rejects with LoadFailure (the user's code), ConnectionLost. */
  async load(message: LoadMessage, sink: LogSink): Promise<void> {
    await new Promise<unknown>((resolve, reject) => {
      this.#begin(workOf(message.id, 'load', sink, { answered: resolve, failed: reject }));
      if (!this.#lost) writeFrame(this.#socket, message);
    });
  }

  /**
   * Has the worker run one call, after the call that is under way, if there is one. The taker is told how the call ended once,
   * and not before this method has returned.
   */
  invoke(message: InvokeMessage, body: Buffer, sink: LogSink, taker: AnswerTaker): void {
    const logBytes = { stdout: 0, stderr: 0 };
    const call: Call = { id: message.id, kind: 'invoke', sink, logBytes, taker, until: message.ahead ?? 0 };
    const lost = this.#lost;
    if (lost) return queueMicrotask(() => taker.failed(message.ahead === undefined ? lost : new NotBegun()));
    if (this.#work === null) {
      // The worker begins no call that is said to be ahead when there is none before it.
      if (message.ahead !== undefined) message.ahead = undefined;
      this.#begin(call);
      this.#isRecalled = false;
      taker.begun();
    } else if (this.#work.kind === 'invoke') this.#ahead.push(call);
    else throw new Error(ONE_AT_A_TIME);
    writeFrame(this.#socket, message, body);
  }

  /** Writes all that is sent in this turn of the event loop with one system call. */
  gather(): void {
    const socket = this.#socket;
    socket.cork();
    process.nextTick(() => socket.uncork());
  }

  /** Tells the worker that the caller has gone. The call may still answer; one that has not begun is given back (NotBegun). */
  cancel(id: string): void {
    if (this.#lost) return;
    if (this.#work?.id === id || this.#ahead.some((call) => call.id === id))
      writeFrame(this.#socket, { type: 'cancel', id });
  }

  /**
   * Asks the worker to give back the calls it has not begun; their takers are told NotBegun. Called again, while the worker
   * hears nothing, it takes them when their time to begin is over.
   */
  recall(): void {
    if (this.#lost || !this.hasAhead) return;
    if (!this.#isRecalled) {
      this.#isRecalled = true;
      writeFrame(this.#socket, { type: 'recall' });
    } else if (this.#isOverAhead()) setImmediate(() => this.#takeAhead());
  }

  /** Whether the worker, by its own clock, may begin none of the calls it has any more. */
  #isOverAhead(): boolean {
    return this.#ahead.every(({ until }) => monotonicMs() > until + this.#behindMs);
  }

  /** All that the worker had sent when the time was over has been read: an answer, after which the next call has begun, is none of it. */
  #takeAhead(): void {
    if (this.#lost || !this.hasAhead || !this.#isOverAhead()) return;
    if (!this.#decoder.betweenFrames || this.#socket.isPaused()) return;
    this.#take(this.#work!);
  }

  /** Takes the calls that the worker has not begun from it, and will not begin after this work. */
  #take(work: Work): void {
    this.#takenDuring = work;
    for (const { id } of this.#ahead) this.#taken.add(id);
    this.#dropAhead();
  }

  /** Ends the connection and rejects the work under way. May be called twice. @param kind why: the container is stopped, or cannot be */
  destroy(kind: 'destroyed' | 'abandoned' = 'destroyed'): void {
    this.#lose(new ConnectionLost(kind, 'the connection was closed by the host'));
  }

  /** Rejects the call under way, because its container is being stopped. What the worker still sends tells which of the calls behind it have begun. */
  giveUpWork(): void {
    if (this.#work === null) return;
    const { taker } = this.#work;
    this.#work.taker = NOBODY;
    taker.failed(new ConnectionLost('destroyed', 'the container is being stopped by the host'));
  }

  #begin(work: Work): void {
    const lost = this.#lost;
    if (lost) return queueMicrotask(() => work.taker.failed(lost));
    if (this.#work) throw new Error(ONE_AT_A_TIME);
    this.#limits.maxBodyBytes = this.#maxBodyBytes[work.kind];
    this.#work = work;
  }

  #push(chunk: Buffer, isOwn: boolean): void {
    if (this.#lost) return;
    this.#reads += 1;
    this.#openWindow();
    try {
      if (this.#isQuiet()) throw new ProtocolError('bytes came while nothing was asked');
      this.#decoder.push(chunk, !isOwn);
      // Otherwise the decoder would hold the partial message for as long as the instance is idle.
      if (this.#isQuiet() && !this.#decoder.betweenFrames)
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
    if (message.type === 'returned' && this.#taken.delete(message.id)) return;
    const work = this.#work;
    if (!work) throw new ProtocolError(`a ${message.type} message came while nothing was asked`);
    if (message.type === 'ready') {
      if (work.kind !== 'handshake') throw new ProtocolError('a second ready message');
      if (message.protocol !== PROTOCOL_VERSION)
        throw new ProtocolError(
          `the worker speaks protocol ${message.protocol}, expected ${PROTOCOL_VERSION}`,
        );
      this.#behindMs = Math.max(0, monotonicMs() - message.clockMs);
      this.#finish(work, undefined);
      return;
    }
    if (message.type === 'returned') return this.#returned(message.id);
    if (message.id !== work.id || work.kind === 'handshake')
      throw new ProtocolError(`a ${message.type} message for another id`);
    if (this.#taken.size > 0 && work !== this.#takenDuring)
      throw new ProtocolError('a call that was taken from the worker was not given back');
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
    if (this.#ahead.length > 0) this.#goOn(work, result!);
    work.taker.answered(result);
  }

  /** The worker has answered a call and begins the next one, unless it is not fit for that. */
  #goOn(work: Work, { message }: WorkerAnswer): void {
    if (message.type === 'error' && isLast(message)) this.#take(work);
    else this.#beginNext();
  }

  /** Whether nothing may come from the worker: nothing is asked of it, and it has nothing to give back. */
  #isQuiet(): boolean {
    return this.#work === null && this.#taken.size === 0;
  }

  #beginNext(): void {
    const next = this.#ahead.shift();
    if (next === undefined) return;
    this.#work = next;
    this.#isRecalled = false;
    next.taker.begun();
  }

  #returned(id: string): void {
    const work = this.#work as Call;
    if (work.id === id && work.until > 0) {
      // It came to the worker after the answer to the call before it, or this answer came late.
      this.#work = null;
      this.#beginNext();
      work.taker.failed(new NotBegun());
      return;
    }
    const index = this.#ahead.findIndex((call) => call.id === id);
    if (index < 0) throw new ProtocolError('a returned message for no call that was sent ahead');
    const [call] = this.#ahead.splice(index, 1) as [Call];
    call.taker.failed(new NotBegun());
  }

  /** @param reason what the calls fail with; default: NotBegun */
  #dropAhead(reason?: ConnectionLost): void {
    for (const { taker } of this.#ahead.splice(0)) taker.failed(reason ?? new NotBegun());
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
    // A worker whose end has not been seen may still begin them, and one whose answers have not been read may have begun them.
    this.#dropAhead(reason.kind === 'closed' && !this.#mayBeUnread ? undefined : reason);
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

/** Until when a call that is sent ahead now may begin; see `InvokeMessage`. */
export function latestBegin(): number {
  return monotonicMs() + AHEAD_MS;
}

function workOf(id: string, kind: Work['kind'], sink: LogSink, taker: Work['taker']): Work {
  return { id, kind, sink, logBytes: { stdout: 0, stderr: 0 }, taker };
}
