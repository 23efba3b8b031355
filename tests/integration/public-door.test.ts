/** Published functions as the world finds them: the listener for functions, nginx in front of it, and a real browser. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { integration } from '../helpers/integration.js';
import { CLIENT_ADDRESS, startNginx, type NginxProcess } from '../helpers/nginx-process.js';
import { serverForFile } from '../helpers/server-process.js';

const DOMAIN = 'fn.localhost';
const API = 'api.localhost';
const MIB = 1024 * 1024;
const root = join(import.meta.dirname, '../..');
const site = readFileSync(join(root, 'tests/fixtures/functions/site.js'), 'utf8');
const server = serverForFile({
  env: {
    GLAMBDAR_FUNCTIONS_PORT: '0',
    GLAMBDAR_FUNCTIONS_DOMAIN: DOMAIN,
    GLAMBDAR_TRUSTED_PROXIES: '127.0.0.1',
    GLAMBDAR_PUBLIC_URL: `https://${API}`,
  },
});
const functionsPort = (): string => new URL(server().functionsUrl).port;

let deployed: Promise<unknown> | undefined;

/** The functions of all tests: `site` is public, `hidden` is not. */
async function deploy(): Promise<void> {
  await (deployed ??= (async () => {
    await server().deployed('site', site, { public: true, isolation: 'function' });
    await server().deployed('hidden', 'exports.handler = () => ({ body: "hidden" })');
  })());
}

/** Bytes to the listener for functions on a connection of their own, and all that comes back. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(Number(functionsPort()), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return text(socket);
}

/** The answer to a request, without what differs in every answer. */
async function bare(target: string, method = 'GET', host = 'localhost'): Promise<string> {
  const head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Request-Id: r\r\nConnection: close\r\n\r\n`;
  return (await raw(head)).replace(/^Date: .*\r\n/m, '');
}

integration('the answers about a public function name the URL under which it is served', async (t) => {
  await deploy();
  const { publicUrl } = (await server().request('/info/site')).json as { publicUrl: string };
  t.is(publicUrl, `https://site.${DOMAIN}/`);
  t.regex(await bare('/', 'GET', new URL(publicUrl).host), /^HTTP\/1\.1 200 /);
  t.false('publicUrl' in (await server().request('/info/hidden')).json);
});

integration('no route of the API is on the listener for functions, however it is spelled', async (t) => {
  await deploy();
  const { text: routes } = await server().request('/');
  const paths = [...routes.matchAll(/^[A-Z ]+ (\/\S*)$/gm)].map(([, route]) =>
    route!.replace('[/…]', '').replaceAll(/:\w+|\*/g, 'hidden'),
  );
  t.true(paths.length > 20, routes);
  t.true(['/deploy', '/info/hidden', '/del/hidden', '/invoke/hidden'].every((path) => paths.includes(path)));
  const unknown = await bare('/nobody');
  t.regex(unknown, /^HTTP\/1\.1 404 /);
  const api = new URL(server().url).host;
  for (const path of new Set(paths)) {
    const spellings = [
      path,
      `/${path}`,
      `/.${path}`,
      `/%2e%2e${path}`,
      `/hidden/..${path}`,
      path.replaceAll('/', '%2f'),
    ];
    for (const target of [...spellings.filter((each) => each.startsWith('/')), `http://${api}${path}`])
      for (const method of ['GET', 'POST', 'DELETE'])
        t.is(await bare(target, method, api), unknown, `${method} ${target}`);
  }
  t.is(await bare('/hidden'), unknown, 'a function that is not public looks like none');
  t.is(await bare('/', 'GET', `hidden.${DOMAIN}`), unknown);
  t.regex(await bare('/api', 'GET', `site.${DOMAIN}`), /^HTTP\/1\.1 200 /);
  t.deepEqual(
    (await server().request('/info')).json.functions.map(({ name }: { name: string }) => name),
    ['hidden', 'site'],
  );
});

integration('cors answers preflights without a call; without it they reach the function', async (t) => {
  await deploy();
  const headers = { origin: 'https://a.example', 'access-control-request-method': 'PUT' };
  const preflight = () => fetch(`${server().functionsUrl}/site/api`, { method: 'OPTIONS', headers });
  const calls = async (): Promise<number> => (await server().request('/info/site')).json.invokeCount;
  const before = await calls();
  const own = await preflight();
  t.is(((await own.json()) as { method: string }).method, 'OPTIONS');
  t.is(await calls(), before + 1);
  await configure({ cors: { origins: ['https://a.example'] } });
  const ours = await preflight();
  t.is(ours.status, 204);
  t.is(ours.headers.get('access-control-allow-origin'), 'https://a.example');
  t.is(await calls(), before + 1);
  await configure({ cors: null });
});

async function configure(settings: object): Promise<void> {
  const body = JSON.stringify(settings);
  const headers = { 'content-type': 'application/json' };
  const { status, text: said } = await server().request('/config/site', { method: 'POST', headers, body });
  if (status !== 200) throw new Error(said);
}

/** nginx as docs/publishing.md has it, before functions and, in a second block, before the API. */
async function nginx(t: ExecutionContext): Promise<NginxProcess> {
  const docs = readFileSync(join(root, 'docs/publishing.md'), 'utf8');
  const recipe = /```nginx\n(.*?)```/s.exec(docs)?.[1] ?? '';
  return startNginx(t, [API, DOMAIN, `*.${DOMAIN}`], ({ port, certificate, key }) => {
    const functions = replaced(recipe, [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['fn.example.com *.fn.example.com', `${DOMAIN} *.${DOMAIN}`],
      ['/etc/ssl/fn.example.com.pem', certificate],
      ['/etc/ssl/fn.example.com.key', key],
      ['127.0.0.1:8001', `127.0.0.1:${functionsPort()}`],
    ]);
    const api = replaced(functions, [
      [`${DOMAIN} *.${DOMAIN}`, API],
      [`127.0.0.1:${functionsPort()}`, new URL(server().url).host],
    ]);
    return functions + api;
  });
}

function replaced(recipe: string, changes: [from: string, to: string][]): string {
  return changes.reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`the recipe has no ${from}`);
    return done.replace(from, to);
  }, recipe);
}

integration(
  'behind nginx the function sees its client and its public URL, and bodies pass whole',
  async (t) => {
    await deploy();
    const { request, port } = await nginx(t);
    const host = `site.${DOMAIN}`;
    const forged = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'ftp',
    };
    const seen = (await request(host, '/a%2fb//c/../d?x=%2F&y', { headers: forged })).json;
    t.like(seen, {
      path: '/a%2fb//c/../d',
      basePath: '',
      query: { x: '/', y: '' },
      host: `${host}:${port}`,
      url: `https://${host}:${port}/a%2fb//c/../d?x=%2F&y`,
      ip: CLIENT_ADDRESS,
    });
    t.like((await request(DOMAIN, '/site/x')).json, {
      basePath: '/site',
      url: `https://${DOMAIN}:${port}/x`,
      ip: CLIENT_ADDRESS,
    });
    t.is((await request(DOMAIN, '/hidden')).status, 404);
    t.deepEqual((await request(host, '/')).headers.getSetCookie().length, 2);

    const body = Buffer.alloc(6 * MIB);
    for (let index = 0; index < body.length; index += 4)
      body.writeUInt32LE((index * 2654435761) >>> 0, index);
    const echoed = await request(host, '/echo', { method: 'POST', body });
    t.is(echoed.status, 200);
    t.true(echoed.body.equals(body), '6 MiB in both directions');
    const chunked = await request(host, '/echo', {
      method: 'POST',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    });
    t.true(chunked.body.equals(body));
    t.is((await request(host, '/echo', { method: 'POST', body: Buffer.alloc(6 * MIB + 1) })).status, 413);
  },
);

integration('other contracts see the same client and URL behind nginx', async (t) => {
  const { request, port } = await nginx(t);
  const lambda =
    'exports.handler = async ({ requestContext: { domainName, http } }) => ({ domainName, ip: http.sourceIp })';
  await server().deployed('edge', lambda, { contract: 'lambda', public: true });
  const web = 'exports.default = { fetch: (request) => Response.json({ url: request.url }) }';
  await server().deployed('web', `Object.defineProperty(exports, '__esModule', { value: true }); ${web}`, {
    public: true,
  });
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  t.deepEqual((await request(`edge.${DOMAIN}`, '/', { headers })).json, {
    domainName: `edge.${DOMAIN}:${port}`,
    ip: CLIENT_ADDRESS,
  });
  t.deepEqual((await request(`web.${DOMAIN}`, '/x?y', { headers })).json, {
    url: `https://web.${DOMAIN}:${port}/x?y`,
  });
});

integration('a client that is no trusted proxy cannot say who it is', async (t) => {
  await deploy();
  const sent = httpRequest(`${server().functionsUrl}/site/x`, {
    agent: new Agent(),
    localAddress: CLIENT_ADDRESS,
    headers: {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': `hidden.${DOMAIN}`,
    },
  });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const seen = (await json(response)) as object;
  t.like(seen, { ip: CLIENT_ADDRESS, url: `http://127.0.0.1:${functionsPort()}/x`, path: '/x' });
});

integration('a stream of logs comes through nginx as it happens', async (t) => {
  await deploy();
  const { open, request } = await nginx(t);
  const response = await open(API, '/logs/site?follow=1');
  t.is(response.statusCode, 200);
  response.setEncoding('utf8');
  let came = '';
  const event = new Promise<void>((resolve) => {
    response.on('data', (piece: string) => {
      came += piece;
      if (came.includes('"id":"streamed"')) resolve();
    });
  });
  t.is((await request(`site.${DOMAIN}`, '/x', { headers: { 'x-request-id': 'streamed' } })).status, 200);
  await event;
  t.false(response.complete, 'the stream goes on');
  response.destroy();
  const page = { origin: `https://${API}.evil.example` };
  t.is((await request(API, '/del/site', { method: 'DELETE', headers: page })).status, 403);
});

/** A page of another origin than every function's, on a server of the test's own. */
async function otherOrigin(t: ExecutionContext, host: string): Promise<string> {
  const pages = createServer((_req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end('<!doctype html><title>other</title>');
  }).listen(0, '127.0.0.1');
  await once(pages, 'listening');
  t.teardown(() => pages.close());
  return `http://${host}:${(pages.address() as AddressInfo).port}`;
}

/** What a page gets of a request that its script sends: the status and the text, or that the browser refuses. */
async function fetched(page: Page, url: string, init: object = {}): Promise<string> {
  return page.evaluate(
    async ([target, options]) => {
      try {
        const answer = await fetch(target as string, options as RequestInit);
        return `${answer.type} ${answer.status} ${await answer.text()}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    [url, init],
  );
}

/** Sends a deploy as a page can without asking first, and tells what the page learns of it. */
async function deployFrom(page: Page, url: string, mode: 'cors' | 'no-cors'): Promise<string> {
  return page.evaluate(
    async ([target, how]) => {
      const form = new FormData();
      form.append('file', new Blob(['PK']), 'evil.zip');
      try {
        const answer = await fetch(`${target}/deploy`, {
          method: 'POST',
          body: form,
          mode: how as 'cors' | 'no-cors',
        });
        return `${answer.type} ${answer.status}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    [url, mode],
  );
}

integration(
  'in a browser a published page calls its API, another origin’s page calls it with cors, and neither can deploy',
  async (t) => {
    await deploy();
    const executablePath = '/usr/bin/chromium';
    const browser = await chromium.launch({
      executablePath,
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
    t.teardown(() => browser.close());
    const context = await browser.newContext();
    const own = `http://site.${DOMAIN}:${functionsPort()}`;

    // 1. The function's page, by host and by path, calls its own API with both cookies.
    const page = await context.newPage();
    for (const [url, basePath] of [
      [`${own}/`, ''],
      [`http://localhost:${functionsPort()}/site`, '/site'],
    ] as const) {
      await page.goto(url);
      await page.waitForFunction(`document.title === 'done'`);
      const seen = JSON.parse((await page.textContent('body'))!) as object;
      t.like(seen, {
        method: 'PUT',
        path: '/api',
        basePath,
        cookies: 'hidden=2; seen=1',
        page: 'yes',
        sent: { n: 1 },
      });
      t.is(await page.evaluate('document.cookie'), 'seen=1');
      t.is(await page.evaluate('origin'), new URL(url).origin, 'the page is in no sandbox');
    }
    await page.goto(`${own}/`);

    // 2. A page of another origin: refused without the setting, allowed by it, with cookies.
    const other = await otherOrigin(t, `app.${DOMAIN}`);
    const visitor = await context.newPage();
    await visitor.goto(other);
    const put = {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      credentials: 'include',
      body: '{"n":2}',
    };
    t.is(await fetched(visitor, `${own}/api`, put), 'TypeError');
    await configure({ cors: { origins: [other], credentials: true } });
    const answer = await fetched(visitor, `${own}/api`, put);
    t.true(answer.startsWith('cors 200 '), answer);
    t.like(JSON.parse(answer.slice('cors 200 '.length)), { cookies: 'hidden=2; seen=1', sent: { n: 2 } });
    const stranger = await context.newPage();
    await stranger.goto(await otherOrigin(t, 'stranger.localhost'));
    t.is(await fetched(stranger, `${own}/api`, put), 'TypeError', 'an origin that is not named');

    // 3. The API's port: none of these pages, nor the function's page there, can deploy or learn anything.
    const there = await context.newPage();
    await there.goto(`${server().url}/invoke/site`);
    t.is(await there.evaluate('origin'), 'null', 'on the API’s port a function’s page is in a sandbox');
    for (const each of [page, visitor, there]) {
      t.is(await deployFrom(each, server().url, 'cors'), 'TypeError');
      t.is(await deployFrom(each, server().url, 'no-cors'), 'opaque 0');
      t.is(await fetched(each, `${server().url}/info`), 'TypeError');
      t.is(await fetched(each, `${server().url}/del/site`, { method: 'DELETE' }), 'TypeError');
      t.is(
        await fetched(each, `${server().url}/invoke/site/api`, put),
        'TypeError',
        'cors has no effect there',
      );
    }
    t.true(
      (await deployFrom(page, own, 'cors')).endsWith(' 200'),
      'below the function’s origin /deploy is a path of the function',
    );
    const refusals = 'glambdar_http_request_duration_seconds_count{route="none",method="POST",status="403"}';
    t.is(await server().metric(refusals), 6, 'all six deploys came to the API, and were refused');
    t.deepEqual(
      (await server().request('/info')).json.functions.map(({ name }: { name: string }) => name),
      ['edge', 'hidden', 'site', 'web'],
    );
    await configure({ cors: null });
  },
);

integration('stopping lets calls on both listeners finish', async (t) => {
  await deploy();
  const calls = [fetch(`${server().functionsUrl}/site/slow`), fetch(`${server().url}/invoke/site/slow`)];
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.is(await server().stop(), 0);
  for (const call of await Promise.all(calls)) t.is(await call.text(), '"slept"');
  await server().restart();
  t.is((await fetch(`${server().functionsUrl}/site/x`)).status, 200, 'a function stays public');
});
