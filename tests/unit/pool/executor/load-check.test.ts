import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { createLoadCheck } from '../../../../src/pool/executor/load-check.js';
import { InvokerFixture } from '../../../helpers/invoker-fixture.js';

/** Loads this `index.js` as a deploy does. */
async function check(
  t: ExecutionContext,
  source: string,
  secrets: Record<string, string> = {},
): Promise<() => ReturnType<ReturnType<typeof createLoadCheck>>> {
  const fixture = await InvokerFixture.create(t, { source });
  const loadCheck = createLoadCheck({
    pool: fixture.pools.pool,
    prepareNetwork: () => Promise.resolve(),
    copyTree: (treeDir, target) => cp(treeDir, target, { recursive: true }),
    secrets: fixture.secrets,
  });
  for (const [name, value] of Object.entries(secrets)) await fixture.secrets.put(fixture.ref, name, value);
  const candidate = fixture.registry.record(fixture.ref);
  return () => loadCheck(candidate, join(fixture.functionsDir, 'f/1'));
}

/** How a deploy of this `index.js` is refused. */
async function refusal(...args: Parameters<typeof check>): Promise<GlambdarError> {
  return args[0].throwsAsync(await check(...args), { instanceOf: GlambdarError });
}

const failures: [title: string, source: string, message: RegExp][] = [
  [
    'throws',
    "console.log('so far'); console.error('why'); throw new Error('x');",
    /^The function does not load: x/,
  ],
  ['ends its process', "console.log('so far'); console.error('why'); process.exit(3);", /exit code 3/],
];

for (const [title, source, message] of failures) {
  test(`code that ${title} while it loads is refused with what it printed`, async (t) => {
    const { details, ...error } = await refusal(t, source);
    t.like(error, { code: 'LOAD_FAILED', status: 422 });
    t.like(details, { stdout: 'so far\n', stderr: 'why\n' });
    t.regex((await refusal(t, source)).message, message);
  });
}

test('what a native program wrote while the code loaded is in the refusal, too', async (t) => {
  const { details } = await refusal(
    t,
    "require('child_process').execFileSync(process.execPath, ['-e', 'console.error(1 + 1)'], { stdio: 'inherit' }); throw new Error('x');",
  );
  t.is(details?.['stderr'], '2\n');
  t.is(details?.['stdout'], undefined);
});

test('of much output the end is told', async (t) => {
  const { details } = await refusal(t, "console.log('x'.repeat(100_000) + 'the end'); throw new Error('x');");
  t.is((details?.['stdout'] as string).length, 16 * 1024);
  t.regex(details?.['stdout'] as string, /the end\n$/);
});

test('code is loaded with its secrets, and the refusal tells none of them', async (t) => {
  const source = `
    const { TOKEN } = process.env;
    process.stdout.write(TOKEN.slice(0, 5)); process.stdout.write(TOKEN.slice(5) + '\\n');
    console.error({ TOKEN });
    throw new Error('bad ' + TOKEN);`;
  const { message, details } = await refusal(t, source, { TOKEN: 'canary-0815' });
  t.regex(message, /bad \[secret TOKEN\]/);
  t.is(details?.['stdout'], '[secret TOKEN]\n');
  t.is(details?.['stderr'], "{ TOKEN: '[secret TOKEN]' }\n");
  t.false(JSON.stringify([message, details]).includes('canary'));
  t.regex(details?.['stack'] as string, /\[secret TOKEN\]/);
});

test("the worker's hints about code that loads are told, without secrets and bounded", async (t) => {
  const source = `
    require('node:net').createServer().listen(0, '127.0.0.1');
    console.error('no hint');
    console.error('glambdar: ' + process.env.TOKEN);
    for (let i = 0; i < 20; i++) console.error('glambdar: ' + 'x'.repeat(1000));
    exports.handler = () => ({});`;
  const { hints } = await (await check(t, source, { TOKEN: 'canary-0815' }))();
  t.is(hints.length, 10);
  t.is(hints[0], '[secret TOKEN].');
  t.is(hints[1]?.length, 501);
  const listens = "require('node:net').createServer().listen(0, '127.0.0.1'); exports.handler = () => ({});";
  t.regex(
    (await (await check(t, listens))()).hints.join(),
    /^The code listens on port \d+ while it loads, .*\.$/,
  );
  const named = `console.error('glambdar: package.json names x'); exports.handler = () => ({});`;
  t.deepEqual((await (await check(t, named))()).hints, ['package.json names x.'], 'a file keeps its name');
  t.deepEqual((await (await check(t, 'exports.handler = () => ({});'))()).hints, []);
});
