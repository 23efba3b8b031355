import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

test('a faas function answers by its callback', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "module.exports = (context, cb) => new Function('context', 'cb', context.code ?? 'cb(context)')(context, cb);",
    {
      contract: 'faas',
    },
  );
  const run = (code: string) => fn.answer({ body: JSON.stringify({ code }) });
  t.is((await fn.answer({})).text, '{}', 'no body is an empty object');
  t.is((await fn.answer({ body: '[1]' })).text, '[1]');
  t.is((await run('cb({ hello: "world" })')).text, '{"hello":"world"}');
  t.is((await run('cb("text")')).text, '"text"');
  t.is((await run('cb(null)')).text, 'null');
  t.is((await run('cb()')).text, '');
  t.is((await run('cb(1); cb(2); throw new Error("late")')).text, '1', 'the first call wins');
  t.is((await run('setTimeout(cb, 1, 5); return 7')).text, '5', 'a return value says nothing');
  t.is((await run('cb(Promise.resolve(1))')).text, '1', 'a promise is waited for');
  t.like(await fn.failure({ body: '{"code":"throw new Error(\'sync\')"}' }), {
    kind: 'function',
    error: { message: 'sync' },
  });
  t.like(await fn.failure({ body: '{"code":"return Promise.reject(new Error(\'async\'))"}' }), {
    error: { message: 'async' },
  });
  t.like(await fn.failure({ body: '{"code":""}' }), { kind: 'unsettled' });
  t.like(await fn.failure({ body: '{' }), {
    kind: 'invalid-body',
    error: {
      message: 'invalid JSON body: it ends at position 1 (line 1, column 2), before the JSON is complete.',
    },
  });
  t.is((await fn.answer({ body: '\ufeff[1]' })).text, '[1]', 'a byte order mark is no part of the JSON');
  t.is((await fn.answer({ body: '\ufeff' })).text, '{}');
});

test('a faas function is the default export, or the export that the handler setting names', async (t) => {
  const found = await FunctionProcess.load(t, "export default (context, cb) => cb('default');", {
    contract: 'faas',
  });
  t.is(await found.json(), 'default');
  const named = await FunctionProcess.load(t, "exports.run = (context, cb) => cb('run');", {
    contract: 'faas',
    handler: 'index.run',
  });
  t.is(await named.json(), 'run');
});
