import test from 'ava';
import { nodeVariableProblem } from '../../../src/runtimes/node-variables.js';

test('variables that take effect in a running Node are accepted', (t) => {
  const accepted = [
    {},
    { NODE_ENV: 'test', TZ: 'Asia/Tokyo', UV_THREADPOOL_SIZE: '2', NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    {
      NODE_PATH: './lib',
      NODE_EXTRA_CA_CERTS: 'ca.pem',
      NODE_NO_WARNINGS: '1',
      NODE_COMPILE_CACHE: '/tmp/c',
    },
    { NODE_OPTIONS: '' },
    { NODE_OPTIONS: '--enable-source-maps -r ./a.cjs --require="./b c.cjs" --import ./d.mjs --no-warnings' },
    { NODE_OPTIONS: '  --stack-trace-limit=50 --dns-result-order ipv4first  --trace-warnings' },
  ];
  for (const env of accepted) t.is(nodeVariableProblem(env as Record<string, string>), null);
});

test('an option that comes too late is named, with what to do and what is possible', (t) => {
  t.regex(
    nodeVariableProblem({ NODE_OPTIONS: '--enable-source-maps --max-old-space-size=4096' }) ?? '',
    /^env: NODE_OPTIONS cannot have "--max-old-space-size", because Node has started before it gets the function: the setting memoryMb .*\. Possible are --enable-source-maps, --require, .*\.$/,
  );
  for (const options of [
    '--inspect',
    '--experimental-vm-modules',
    '"--inspect=0"',
    'stray',
    '-r ./a.cjs stray',
    '-r',
  ])
    t.is(nodeVariableProblem({ NODE_OPTIONS: options }) === null, options === '-r', options);
});

test('a variable that comes too late is named, with what to do instead', (t) => {
  for (const name of ['NODE_DEBUG', 'NODE_V8_COVERAGE', 'NODE_PENDING_DEPRECATION', 'NODE_USE_ENV_PROXY'])
    t.regex(
      nodeVariableProblem({ [name]: '1' }) ?? '',
      new RegExp(`^env: ${name} cannot take effect, .*: .+\\.$`),
    );
});
