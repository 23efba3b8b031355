/** Owns a worker inside the test's own process: the right answers unless told otherwise, thousands of them a second. */
import type { Socket } from 'node:net';
import {
  FrameDecoder,
  PROTOCOL_VERSION,
  writeFrame,
  type HostMessage,
  type InvokeMessage,
  type LoadMessage,
  type WorkerMessage,
} from '../../worker/node/protocol.cjs';

export interface Peer {
  socket: Socket;
  send(message: WorkerMessage, body?: Uint8Array): void;
}

export interface Script {
  /** In place of `ready`. */
  connected?: (peer: Peer) => void;
  /** In place of `loaded`. */
  load?: (message: LoadMessage, peer: Peer) => void;
  /** In place of an empty answer. */
  invoke?: (message: InvokeMessage, peer: Peer, body: Buffer) => void;
  cancel?: (id: string, peer: Peer) => void;
  recall?: (peer: Peer) => void;
}

export const ready = { type: 'ready', protocol: PROTOCOL_VERSION, node: 'v0', clockMs: 0 } as const;

export const noAccounts = { cut: { stdout: 0, stderr: 0 }, peakMemoryKb: 1024 };

export function response(id: string, statusCode = 200): WorkerMessage {
  return { type: 'response', id, statusCode, headers: [], ...noAccounts };
}

/** An inhabitant for `FakeDriver`, also to be called with any connected socket. */
export function scriptedWorker(script: Script = {}): (socket: Socket) => void {
  return (socket) => {
    const peer: Peer = { socket, send: (message, body) => writeFrame(socket, message, body) };
    const decoder = new FrameDecoder({ maxHeaderBytes: 1 << 24, maxBodyBytes: 1 << 30 }, (header, body) => {
      const message = header as HostMessage;
      if (message.type === 'load') {
        if (script.load) script.load(message, peer);
        else peer.send({ type: 'loaded', id: message.id });
      } else if (message.type === 'invoke') {
        if (script.invoke) script.invoke(message, peer, body);
        else peer.send(response(message.id));
      } else if (message.type === 'recall') script.recall?.(peer);
      else script.cancel?.(message.id, peer);
    });
    socket.on('data', (chunk: Buffer) => decoder.push(chunk));
    socket.on('error', () => undefined);
    if (script.connected) script.connected(peer);
    else peer.send(ready);
  };
}
