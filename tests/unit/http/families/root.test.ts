import test from 'ava';
import { startServer } from '../server-fixture.js';

test('the root says that the gateway runs, then who answers and which routes there are', async (t) => {
  const { url } = await startServer(t);
  const response = await fetch(url);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  const lines = (await response.text()).split('\n');
  t.is(lines[0], 'Gateway Service is running');
  t.regex(lines[1]!, /^glambdar \d+\.\d+\.\d+$/);
  for (const route of [
    'GET POST PUT PATCH DELETE /invoke/:name[/…]',
    'POST /invoke',
    'POST /deploy',
    'POST /execute',
    'GET /info/:name',
  ])
    t.true(lines.includes(route), route);
  t.is((await fetch(url, { method: 'POST' })).status, 405);
});
