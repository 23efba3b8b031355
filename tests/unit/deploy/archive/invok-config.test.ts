import test from 'ava';
import { readInvokConfig } from '../../../../src/deploy/archive/packaging/invok-config.js';
import { GlambdarError } from '../../../../src/errors.js';

/** @param text content of the `config.json` at the root; undefined: there is none */
function read(text: string | undefined): unknown {
  const entry = { size: text?.length ?? 0 };
  const files = text === undefined ? [] : [{ path: 'config.json', executable: false, entry }];
  const source = { entries: [], read: () => Buffer.from(text ?? '') };
  return readInvokConfig(files as never, source);
}

test('config.json gives the name and the environment of a function of Invok', (t) => {
  t.deepEqual(read(undefined), {});
  t.deepEqual(read('{}'), {});
  t.deepEqual(read('{"function_name":"","runtime":""}'), {});
  t.deepEqual(read('{"function_name":"f","runtime":"nodejs","env":{"A":"1"},"more":1}'), {
    name: 'f',
    settings: { env: { A: '1' } },
  });
  for (const runtime of ['node', 'nodejs22', 'node20.x', 'JavaScript', 'js'])
    t.deepEqual(read(JSON.stringify({ runtime })), {}, runtime);
});

test('a language that does not run here, and a name that is no text, are refused in words', (t) => {
  for (const [text, message] of [
    ['{"runtime":"go"}', /names the runtime "go"; this server runs JavaScript/],
    ['{"runtime":5}', /names the runtime 5/],
    ['{"function_name":5}', /"function_name" that is no text/],
    ['{', /is not valid JSON/],
    ['[]', /is not a JSON object/],
  ] as const)
    t.throws(() => read(text), { instanceOf: GlambdarError, code: 'INVALID_BUNDLE', message });
});
