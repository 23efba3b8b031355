/**
 * Owns the programs the server is compared with, one per process: `koa` and `http` answer a request with its own body,
 * `socket` sends bytes back as they come on a Unix socket. Prints where it listens and ends with its standard input.
 *
 *   echo-server.ts koa | http | socket <path>
 */
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import Koa from 'koa';

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const [kind, path] = process.argv.slice(2);
process.stdin.resume().on('end', () => process.exit(0));

if (kind === 'koa') {
  const app = new Koa();
  app.use(async (ctx) => {
    ctx.body = JSON.parse((await bodyOf(ctx.req)).toString()) as object;
  });
  const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
} else if (kind === 'http') {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
      response.end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
} else if (kind === 'socket' && path !== undefined) {
  const server = createSocketServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => socket.destroy());
  });
  server.listen(path, () => console.log(0));
} else {
  throw new Error(`which echo? known: koa, http, socket <path>`);
}
