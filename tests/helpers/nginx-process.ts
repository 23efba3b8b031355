/** Owns an nginx for a test: Debian's, with a configuration of the test's, a certificate of its own and nothing of the machine's. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from 'ava';
import { Answer, until } from './server-process.js';

/** Where requests come from: another address of this machine than nginx's own requests. */
export const CLIENT_ADDRESS = '127.0.0.2';

export interface NginxProcess {
  /** The port at which the `server` blocks listen, with TLS. */
  port: number;
  /** A request to a host of the certificate, its answer read to the end. */
  request(host: string, path: string, options?: ProxiedRequest): Promise<Answer>;
  /** Like `request`, with the answer still coming. */
  open(host: string, path: string, options?: ProxiedRequest): Promise<IncomingMessage>;
}

export interface ProxiedRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
}

/**
 * Starts nginx and stops it in a teardown.
 * @param hosts names in the certificate
 * @param servers makes the `server` blocks
 */
export async function startNginx(
  t: ExecutionContext,
  hosts: readonly string[],
  servers: (at: { port: number; certificate: string; key: string }) => string,
): Promise<NginxProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'glambdar-nginx-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const [certificate, key] = [join(dir, 'certificate.pem'), join(dir, 'key.pem')];
  const names = hosts.map((host) => `DNS:${host}`).join(',');
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=glambdar', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', certificate],
  ]);
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    `${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr warn;
    events { }
    http {
      access_log off;
      ${folders.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n')}
      ${servers({ port, certificate, key })}
    }`,
  );
  const child = spawn('nginx', ['-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close').catch((error: unknown) => (output += String(error)));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const agent = new Agent({ keepAlive: false, ca: readFileSync(certificate) });
  const open: NginxProcess['open'] = async (host, path, { method = 'GET', headers = {}, body } = {}) => {
    const to = { agent, method, path, host: '127.0.0.1', port, servername: host };
    const options: RequestOptions = { ...to, localAddress: CLIENT_ADDRESS };
    const request = httpsRequest({ ...options, headers: { host: `${host}:${port}`, ...headers } });
    request.setTimeout(30_000, () => request.destroy(new Error('nginx did not answer in 30 s')));
    // nginx may cut the connection of a body that it has refused, behind its answer.
    request.on('error', () => undefined);
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  };
  await until('nginx accepts connections', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${output}`);
    return open(hosts[0]!, '/').then(
      (response) => response.resume() !== undefined,
      () => false,
    );
  });
  return {
    port,
    open,
    async request(host, path, options) {
      const response = await open(host, path, options);
      const pairs = Object.entries(response.headersDistinct).flatMap(([name, values]) =>
        (values ?? []).map((value): [string, string] => [name, value]),
      );
      return new Answer(response.statusCode ?? 0, new Headers(pairs), await buffer(response));
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
