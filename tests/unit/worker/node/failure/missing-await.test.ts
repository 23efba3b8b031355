import test from 'ava';
import { missingAwait } from '../../../../../worker/node/failure/missing-await.cjs';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const promise = (call: string, more = ''): string =>
  `glambdar: ${call} gives a promise: write await ${call}${more}\n`;
const inAsync = ', in an async function';

/** Handlers that read a promise as if it were the body, and what the log of their load says. */
const mistaken: [handler: string, hint: string][] = [
  ['async (req) => { const i = req.json(); return { body: { name: i.name } }; }', promise('req.json()')],
  ['(req) => { const i = req.json(); return { body: String(i.name) }; }', promise('req.json()', inAsync)],
  ['async function (r) { const { name } = r.json();\n return { body: name }; }', promise('r.json()')],
  ['async (req) => ({ body: req.json().name })', promise('req.json()')],
  ['async (req) => ({ body: req.json()?.name })', promise('req.json()')],
  ['async (req) => { let t = req.text()\n return { body: t.length }; }', promise('req.text()')],
  [
    'async (req) => { const { a } = req.json(); const b = await req.text(); return { body: a + b }; }',
    promise('req.json()'),
  ],
];

/** Handlers that know what they have, or that may know it. */
const right = [
  'async (req) => { const i = await req.json(); return { body: { name: i.name } }; }',
  'async (req) => ({ body: (await req.json()).name })',
  'async (req) => { const { name } = await req.json(); return { body: name }; }',
  '(req) => req.json().then((i) => ({ body: i.name }))',
  '(req) => req.json()\n  .then((i) => ({ body: i.name }))\n  .catch(() => ({ body: 1 }))',
  'async (req) => ({ body: req.json() })',
  'async (req) => { const i = req.json(); const j = await i; return { body: j.name }; }',
  'async (req) => { let i = req.json(); i = await i; return { body: i.name }; }',
  'async (req) => { const i = req.json(); return i.then((i) => ({ body: i.name })); }',
  'async (req) => { const i = req.json(); const [j] = await Promise.all([i]); return { body: j.name }; }',
  'async (req) => { const i = req.json(); i.catch(() => 1); return { body: 1 }; }',
  'async (req) => { // const { name } = req.json();\n return { body: 1 }; }',
  'async (req) => ({ body: "const { name } = req.json();" })',
  'async (req) => { const other = { json: () => ({ a: 1 }) }; return { body: other.json().a }; }',
  '({ json }) => ({ body: 1 })',
  '() => ({ body: 1 })',
];

test('a handler that takes a promise for the body is told to wait for it', (t) => {
  for (const [handler, hint] of mistaken) t.is(`glambdar: ${missingAwait(handler)}\n`, hint, handler);
});

test('a handler that waits for the body, or hands its promise on, is told nothing', (t) => {
  for (const handler of right) t.is(missingAwait(handler), null, handler);
});

test('the log of a load says so', async (t) => {
  const [[handler, hint] = ['', '']] = mistaken;
  const fn = await FunctionProcess.load(t, `exports.handler = ${handler};`);
  t.is(fn.logs.stderr, hint);
});
