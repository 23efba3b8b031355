/** The types that authors import, as an author's own compiler sees them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import ts from 'typescript';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const root = join(import.meta.dirname, '../../..');

/** What `tsc` prints for an `index.ts` in a project that has this package installed; empty when all is well. */
function compile(t: ExecutionContext, source: string): string {
  const project = temporaryDirectory(t);
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, join(project, 'node_modules/glambdar'));
  symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
  symlinkSync(join(root, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  writeFileSync(join(project, 'index.ts'), source);
  const options = {
    module: 'NodeNext',
    strict: true,
    noEmit: true,
    types: ['node'],
    erasableSyntaxOnly: true,
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['index.ts'] }),
  );
  return spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
    encoding: 'utf8',
  }).stdout;
}

test('handlers of every kind compile with the types that come with the package', (t) => {
  const source = `
    import type { FaasFunction, FetchHandler, Handler } from 'glambdar';
    export const handler: Handler = async (req, context) => {
      const input = await req.json<{ name?: string }>();
      if (context.signal.aborted || context.remainingTimeMs() < 10) return { statusCode: 503 };
      const type = req.headers['content-type'];
      return { body: { hello: input.name, type, first: req.query['a'] }, headers: { 'X-Bytes': req.rawBody.length } };
    };
    export const page: Handler = () => new Response('<p>', { headers: { 'content-type': 'text/html' } });
    export const app: FetchHandler = {
      fetch: (request, env, context) => {
        context.waitUntil(Promise.resolve(env.KEY));
        return Response.json({ url: request.url });
      },
    };
    export const old: FaasFunction = (context, cb) => cb(context);`;
  t.is(compile(t, source), '');
});

test('the compiler finds answers that a server of this kind would not understand', (t) => {
  const source = `
    import type { Handler } from 'glambdar';
    export const wrong: Handler = async () => ({ status: 404 });
    export const none: Handler = async () => undefined;
    export const body: Handler = async (req) => ({ body: req.params });`;
  const output = compile(t, source);
  t.regex(output, /index\.ts\(3,.*status/s);
  t.regex(output, /index\.ts\(4,/);
  t.regex(output, /index\.ts\(5,.*params/);
});

/** The keys of an interface in the types that come with the package. */
function keysOfType(name: string): string[] {
  const path = join(root, 'worker/glambdar.d.ts');
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const found = source.statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  ) as ts.InterfaceDeclaration;
  return found.members.map(({ name: key }) => (key as ts.Identifier).text).sort();
}

/** The keys that an object has itself or from its class. */
function keysOfObject(value: object): string[] {
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(value));
  return [...Object.keys(value), ...inherited.filter((key) => key !== 'constructor')].sort();
}

test('the types of request and context have the keys of what a handler really gets', (t) => {
  const { createRequest, createContext } = createRequire(import.meta.url)(
    join(root, 'worker/node/request.cjs'),
  ) as Record<'createRequest' | 'createContext', (...given: unknown[]) => object>;
  const message = { method: 'GET', path: '/', query: '', headers: [], timeoutMs: 1 };
  t.deepEqual(keysOfType('HandlerRequest'), keysOfObject(createRequest(message, Buffer.from(''))));
  t.deepEqual(keysOfType('HandlerContext'), keysOfObject(createContext(message, 'f', 128, () => undefined)));
});
