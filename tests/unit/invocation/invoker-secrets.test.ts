import test, { type ExecutionContext } from 'ava';
import type { CallResponse } from '../../../src/model/call/call.js';
import { GlambdarError, type ErrorCode } from '../../../src/errors.js';
import { InvokerFixture, invocation } from '../../helpers/invoker-fixture.js';

/** A function of this source with the secret TOKEN, run by a real worker. */
async function withSecret(
  t: ExecutionContext,
  source: string,
  value = 'canary-0815',
): Promise<InvokerFixture> {
  const fixture = await InvokerFixture.create(t, {
    source,
    settings: { env: { TOKEN: 'from env', PLAIN: '1' } },
  });
  await fixture.secrets.put(fixture.ref, 'TOKEN', value);
  return fixture;
}

test('a secret is in the environment of the function, wins over env, and takes effect for the next call', async (t) => {
  const source = 'exports.handler = () => ({ body: [process.env.TOKEN, process.env.PLAIN] });';
  const fixture = await withSecret(t, source);
  const body = async (): Promise<unknown> => JSON.parse((await fixture.call()).body.toString());
  t.deepEqual(await body(), ['canary-0815', '1']);
  await fixture.secrets.put(fixture.ref, 'TOKEN', 'next');
  t.deepEqual(await body(), ['next', '1']);
  await fixture.secrets.remove(fixture.ref, 'TOKEN');
  t.deepEqual(await body(), ['from env', '1']);
});

test('an instance that is kept after a call is not used again with the value of before', async (t) => {
  const source = 'let calls = 0; exports.handler = () => ({ body: [process.env.TOKEN, ++calls] });';
  const fixture = await InvokerFixture.create(t, { source, settings: { isolation: 'function' } });
  await fixture.secrets.put(fixture.ref, 'TOKEN', 'one');
  const body = async (): Promise<unknown> => JSON.parse((await fixture.call()).body.toString());
  t.deepEqual(await body(), ['one', 1]);
  t.deepEqual(await body(), ['one', 2]);
  await fixture.secrets.put(fixture.ref, 'TOKEN', 'two');
  t.deepEqual(await body(), ['two', 1]);
});

test('an instance that is called while its secret changes is not used again either', async (t) => {
  const source = `exports.handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { body: process.env.TOKEN };
  };`;
  const fixture = await InvokerFixture.create(t, { source, settings: { isolation: 'function' } });
  await fixture.secrets.put(fixture.ref, 'TOKEN', 'one');
  const text = async (call: Promise<CallResponse>): Promise<string> => (await call).body.toString();
  t.is(await text(fixture.call()), '"one"');
  const running = fixture.call();
  await fixture.secrets.put(fixture.ref, 'TOKEN', 'two');
  t.is(await text(running), '"one"', 'a call under way keeps what it has');
  t.is(await text(fixture.call()), '"two"');
});

const leaks: [title: string, source: string, expected: { stdout?: string; stderr?: string }][] = [
  [
    'prints in pieces',
    `exports.handler = async () => {
      for (const c of process.env.TOKEN) { process.stdout.write(c); await null; }
      return { body: 1 };
    };`,
    { stdout: '[secret TOKEN]' },
  ],
  [
    'prints through the console as part of something larger',
    `exports.handler = () => { console.log({ t: process.env.TOKEN }); console.error('Bearer ' + process.env.TOKEN); return { body: 1 }; };`,
    { stdout: "{ t: '[secret TOKEN]' }\n", stderr: 'Bearer [secret TOKEN]\n' },
  ],
  [
    'prints while it loads',
    'console.log(JSON.stringify(process.env.TOKEN)); exports.handler = () => ({ body: 1 });',
    { stdout: '"[secret TOKEN]"\n' },
  ],
  [
    'has a child process print',
    `exports.handler = () => {
      require('child_process').execFileSync(process.execPath, ['-e', 'console.log(process.env.TOKEN)'], { stdio: 'inherit' });
      return { body: 1 };
    };`,
    { stdout: '[secret TOKEN]\n' },
  ],
];
for (const [title, source, expected] of leaks)
  test(`a secret that a function ${title} is taken out of the record`, async (t) => {
    const fixture = await withSecret(t, source);
    const call = fixture.admit();
    await call.run(invocation(), new AbortController().signal);
    const record = await fixture.record(call.id);
    t.like(record, expected);
    t.false(JSON.stringify(record).includes('canary'));
  });

const failures: [title: string, source: string, code: ErrorCode][] = [
  ['throws', "exports.handler = () => { throw new Error('no ' + process.env.TOKEN); };", 'FUNCTION_ERROR'],
  ['throws no error', 'exports.handler = () => { throw process.env.TOKEN; };', 'FUNCTION_ERROR'],
  [
    'throws as a cause',
    'exports.handler = () => { throw new Error("no", { cause: new Error(process.env.TOKEN) }); };',
    'FUNCTION_ERROR',
  ],
  ['answers with instead of an answer', 'exports.handler = () => process.env.TOKEN;', 'BAD_RESPONSE'],
  [
    'has as a header with a bad value',
    `exports.handler = () => ({ headers: { ['x ' + process.env.TOKEN]: "1" }, body: 1 });`,
    'BAD_RESPONSE',
  ],
  ['throws while it loads', "throw new Error('no ' + process.env.TOKEN);", 'LOAD_FAILED'],
];
for (const [title, source, code] of failures)
  test(`a secret that a function ${title} is taken out of the error and the record`, async (t) => {
    const fixture = await withSecret(t, source);
    const call = fixture.admit();
    const error = await t.throwsAsync(call.run(invocation(), new AbortController().signal), {
      instanceOf: GlambdarError,
    });
    t.is(error.code, code);
    const record = await fixture.record(call.id);
    t.like(record.error, { code });
    t.false(JSON.stringify([error.message, error.details, record]).includes('canary'));
  });

test('at the cut of too much output no part of a secret stays', async (t) => {
  const source = `exports.handler = () => {
    process.stdout.write('x'.repeat(256 * 1024 - 6)); process.stdout.write(process.env.TOKEN);
    return { body: 1 };
  };`;
  const fixture = await withSecret(t, source);
  const call = fixture.admit();
  await call.run(invocation(), new AbortController().signal);
  const { stdout } = await fixture.record(call.id);
  t.regex(stdout, /x\[secre[^]*\n\[\d+ more bytes were cut\]$/);
  t.false(stdout.includes('canar'));
});

test('a call is refused while the secrets of its function cannot be read', async (t) => {
  const fixture = await InvokerFixture.create(t, { source: 'exports.handler = () => ({ body: 1 });' });
  fixture.secrets.valuesOf = () => {
    throw new GlambdarError('SECRETS_UNAVAILABLE', 'They cannot be read.');
  };
  t.throws(() => fixture.admit(), { message: 'They cannot be read.' });
});

test('the path of a call is on record without secret values, also where it is cut', async (t) => {
  const fixture = await withSecret(t, "exports.handler = () => ({ body: 'ok' });");
  for (const padding of ['/hooks/', `/${'x'.repeat(250)}/`])
    await fixture.call('', { clientTarget: `/invoke/f${padding}canary-0815` });
  t.is(fixture.finished[0]?.path, '/invoke/f/hooks/[secret TOKEN]');
  t.notRegex(fixture.finished[1]?.path ?? '', /canary/);
});

test('the path of a call is on record without secret values, whichever of their characters are encoded', async (t) => {
  const fixture = await withSecret(t, "exports.handler = () => ({ body: 'ok' });", "p@ss word/é'%");
  for (const sent of [
    "p@ss%20word/%C3%A9'%25",
    `p@ss%20word/${Buffer.from('é').toString('latin1')}'%25`,
    'p%40ss%20word%2f%c3%a9%27%25',
    '%70%40%73%73%20%77%6F%72%64%2F%C3%A9%27%25',
  ])
    await fixture.call('', { clientTarget: `/invoke/f/a%0Ab/${sent}/c` });
  t.is(fixture.finished.length, 4);
  for (const { path } of fixture.finished) t.is(path, '/invoke/f/a%0Ab/[secret TOKEN]/c');
});

test('a path without a secret is on record as it was sent, also of a function that has some', async (t) => {
  const fixture = await withSecret(t, "exports.handler = () => ({ body: 'ok' });");
  const path = '/invoke/f/%41%e9%zz%2fb%0a';
  await fixture.call('', { clientTarget: path });
  t.is(fixture.finished[0]?.path, path);
});
