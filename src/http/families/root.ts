/**
 * Owns `GET /`, which two families promise: a CloudFunc client finds the gateway's sentence in the first line, everybody else
 * the name, the version and the routes of this server behind it.
 */
import { existsSync, readFileSync } from 'node:fs';
import Router from '@koa/router';
import { needs } from '../middleware/needs.js';
import type { Family } from './family.js';

/** @param families whose routes are named */
export function rootRoute(families: readonly Pick<Family, 'callRoutes' | 'routers'>[]): Router {
  const text = rootText(families);
  const router = new Router({ sensitive: true, strict: true });
  router.get('/', needs('open'), (ctx) => {
    ctx.set('Content-Type', 'text/plain; charset=utf-8');
    ctx.body = text;
  });
  return router;
}

/** The nearest `package.json` above this file: how far above depends on where the program was compiled to. */
function packageFile(): URL {
  let file = new URL('../package.json', import.meta.url);
  while (!existsSync(file) && file.pathname !== '/package.json') file = new URL('../package.json', file);
  return file;
}

/** The name and version of this program. */
export function packageInfo(): { name: string; version: string } {
  return JSON.parse(readFileSync(packageFile(), 'utf8')) as { name: string; version: string };
}

function rootText(families: readonly Pick<Family, 'callRoutes' | 'routers'>[]): string {
  const { name, version } = packageInfo();
  const routes = families.flatMap(({ callRoutes = [], routers }) => [
    ...callRoutes,
    ...routers.flatMap(({ stack }) =>
      stack.map(
        ({ methods, path }) => `${methods.filter((method) => method !== 'HEAD').join(' ')} ${String(path)}`,
      ),
    ),
  ]);
  return [
    'Gateway Service is running',
    `${name} ${version}`,
    '',
    'Docs: README.md and the folder docs/ of the package; GET /openapi.json describes every route.',
    '',
    'Routes:',
    ...routes,
    '',
  ].join('\n');
}
