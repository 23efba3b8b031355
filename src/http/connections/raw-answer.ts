/**
 * Owns answers to bytes that never became a whole request: Node's parser refused them, or the rest took too long to
 * arrive. These answers have the native envelope, because the family that was meant is unknown.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { GlambdarError } from '../../errors.js';
import type { Connections } from './connections.js';
import { lingeringEnd } from './lingering-end.js';
import { nativeEnvelope } from '../families/native/native-envelope.js';
import { requestIdOf } from '../requests/request-id.js';

/** The listener for `clientError`: answers, unless the answer could be taken for another request's, and ends the connection. */
export function createClientErrorHandler(connections: Connections): (error: Error, socket: Socket) => void {
  // Node reports bytes that keep coming after the first error as further errors.
  const ended = new WeakSet<Socket>();
  return (error, socket) => {
    if (ended.has(socket)) return;
    ended.add(socket);
    const requestId = brokenRequestId(connections, socket);
    const { code } = error as NodeJS.ErrnoException;
    if (requestId === null || code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    refuse(socket, parserError(code), requestId);
  };
}

/** Answers the broken request, and ends the connection. */
function refuse(socket: Socket, error: GlambdarError, requestId: string): void {
  const { status, contentType, body } = nativeEnvelope(error, requestId);
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nX-Request-Id: ${requestId}\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Type: ${contentType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  lingeringEnd(socket);
}

/**
 * The request id for the answer; null when the client would take an answer written now for that of an earlier request
 * that is still under way, or for a second answer to a request that has one.
 */
function brokenRequestId(connections: Connections, socket: Socket): string | null {
  const [first, ...others] = connections.on(socket);
  if (first === undefined) return connections.isReceiving(socket) ? null : randomUUID();
  return others.length === 0 && !first.req.complete && !first.res.headersSent ? requestIdOf(first.req) : null;
}

function parserError(code: string | undefined): GlambdarError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GlambdarError(
        'REQUEST_TIMEOUT',
        'The request took too long to arrive: its head may take 10 s, and all of it what GLAMBDAR_REQUEST_TIMEOUT_MS on the server says.',
      );
    case 'HPE_HEADER_OVERFLOW':
      return new GlambdarError(
        'INVALID_REQUEST',
        'The head of the request is too large; shorten its headers or its path.',
        { status: 431 },
      );
    default:
      return new GlambdarError(
        'INVALID_REQUEST',
        'The request is not valid HTTP/1.1. This port speaks HTTP without TLS.',
      );
  }
}
