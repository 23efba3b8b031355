/** Owns one Server-Sent-Events answer: framing, heartbeat, and ending it for a reader that does not keep up. */
import type { ServerResponse } from 'node:http';

export interface EventStreamOptions {
  heartbeatMs: number;
  /** How many bytes may wait for a slow reader. Beyond that the stream ends with a `dropped` event. */
  maxBufferedBytes: number;
}

export class EventStream {
  readonly #res: ServerResponse;
  readonly #maxBufferedBytes: number;
  readonly #heartbeat: NodeJS.Timeout;
  /** Waiting bytes of a replay: they are no sign of a slow reader until the buffer has been empty once. */
  #replayedBytes = 0;
  #waitedAtLastBeat = false;

  /** Writes the head at once. However the stream ends, `res` emits `close`. */
  constructor(res: ServerResponse, options: EventStreamOptions) {
    this.#res = res;
    this.#maxBufferedBytes = options.maxBufferedBytes;
    res.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would hold events back until its buffer is full.
      'X-Accel-Buffering': 'no',
    });
    res.flushHeaders();
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs).unref();
    res.on('drain', () => (this.#replayedBytes = 0));
    res.once('close', () => clearInterval(this.#heartbeat));
  }

  /** @param data one JSON text: without raw line ends, which would start a new field */
  send(event: string, id: string, data: string): void {
    if (this.#res.writableEnded) return;
    const waiting = this.#res.writableLength - this.#replayedBytes;
    if (waiting > 0 && waiting + data.length > this.#maxBufferedBytes)
      this.end('dropped', 'the reader is too slow');
    else this.#write(event, id, data);
  }

  /** Like `send`, for records that are in memory anyway: they are never refused for their size. */
  replay(event: string, id: string, data: string): void {
    if (this.#res.writableEnded) return;
    if (!this.#write(event, id, data)) this.#replayedBytes = this.#res.writableLength;
  }

  /** Sends why the stream ends, and ends it. The server's time limit for writes cuts a reader that never reads the rest. */
  end(event: 'end' | 'dropped', reason: string): void {
    if (this.#res.writableEnded) return;
    clearInterval(this.#heartbeat);
    this.#res.end(`event: ${event}\ndata: ${JSON.stringify({ reason })}\n\n`);
  }

  #write(event: string, id: string, data: string): boolean {
    return this.#res.write(`event: ${event}\nid: ${id}\ndata: ${data}\n\n`);
  }

  /** Keeps proxies from closing a quiet stream, and cuts a reader that read nothing for a whole interval. */
  #beat(): void {
    const waits = this.#res.writableLength > 0;
    if (waits && this.#waitedAtLastBeat) this.#res.destroy();
    else if (!waits) this.#res.write(': still here\n\n');
    this.#waitedAtLastBeat = waits;
  }
}
