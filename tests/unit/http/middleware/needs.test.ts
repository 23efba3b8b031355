import Router from '@koa/router';
import test from 'ava';
import { needing, needs, routeNeeds } from '../../../../src/http/middleware/needs.js';
import { startServer } from '../server-fixture.js';

test('every route of the server says which role it needs', async (t) => {
  const { app } = await startServer(t);
  const needed = new Map(app.routes.map(({ method, path, need }) => [`${method ?? 'CALL'} ${path}`, need]));
  t.is(needed.size, app.routes.length);
  t.is(needed.get('POST /deploy'), 'deployer');
  t.is(needed.get('GET /metrics'), 'admin');
  t.deepEqual(
    [...needed].filter(([, need]) => need === 'open').map(([route]) => route),
    ['POST /auth/register', 'POST /auth/login', 'GET /healthz', 'GET /readyz', 'GET /'],
  );
});

test('a route that does not say which role it needs is refused', (t) => {
  const router = new Router();
  router.get('/told', needs('viewer'), () => undefined);
  t.deepEqual(
    routeNeeds([{ calls: [needing('invoker', () => undefined)], callRoutes: ['/x'], routers: [router] }]),
    [
      { method: null, path: '/x', need: 'invoker' },
      { method: 'GET', path: '/told', need: 'viewer' },
    ],
  );
  router.get('/untold', () => undefined);
  t.throws(() => routeNeeds([{ calls: [], routers: [router] }]), { message: /GET \/untold/ });
  t.throws(() => routeNeeds([{ calls: [() => undefined], routers: [] }]), {
    message: /does not say which role/,
  });
});
