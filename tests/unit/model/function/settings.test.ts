import { availableParallelism } from 'node:os';
import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { CONTRACT_NAMES } from '../../../../src/model/contracts.js';
import type { CorsSettings } from '../../../../src/model/function/cors.js';
import {
  DEFAULT_SETTINGS,
  applySettings,
  mergePatches,
  settingsOfVersion,
  parseSettingsFields,
  parseSettingsPatch,
  type SettingsPatch,
} from '../../../../src/model/function/settings.js';

const hostCpus = Math.max(1, availableParallelism());

/** The setting `cors` with every part given, as it is stored. */
function cors(parts: Partial<CorsSettings>): CorsSettings {
  const methods = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT'];
  const origins = ['https://app.example.com'];
  return { origins, methods, headers: ['*'], credentials: false, maxAge: 600, ...parts };
}

const bounds: [key: string, taken: unknown[], refused: unknown[]][] = [
  ['memoryMb', [64, 10_240], [63, 10_241, 64.5, '128', null, NaN, Infinity]],
  ['cpus', [0.1, 0.75, hostCpus], [0.09, hostCpus + 0.1, '1', null]],
  ['timeoutMs', [100, 900_000], [99, 900_001, 100.5, '100', null]],
  ['maxConcurrency', [1, 10_000, null], [0, 10_001, 1.5, '1']],
  ['rateLimit', [0, 0.5, 1_000_000], [-1, 1_000_001, '5', null]],
  ['isolation', ['invocation', 'function'], ['none', '', null, 1]],
  ['network', ['none', 'bridge'], ['host', '', null]],
  [
    'env',
    [{}, { A: '' }, { A: null }, { _a9: 'x'.repeat(32_000) }, { ['A'.repeat(128)]: '1' }],
    [
      null,
      [],
      'A=1',
      { A: 1 },
      { A: false },
      { '': 'x' },
      { '9A': 'x' },
      { 'A-B': 'x' },
      { 'A=B': 'x' },
      { ['A'.repeat(129)]: '1' },
      { A: 'a\0b' },
      { A: 'x'.repeat(33_000) },
      { A: 'ü'.repeat(17_000) },
    ],
  ],
  [
    'handler',
    ['index.handler', 'src/app.mjs.run', 'a.$_1', null],
    ['', 'handler', '.handler', 'a.', 'a.1b', 'a.b-c', 'a\0.b', `${'x'.repeat(512)}.a`, 5],
  ],
  ['contract', ['glambdar', 'faas', 'lambda'], ['invok', null]],
  ['standby', [0, 1_000, null], [-1, 1_001, 0.5, '1']],
  ['installScripts', [true, false], [null, 0, 1, 'true']],
  ['public', [true, false], [null, 0, 1, 'true', 'yes']],
  [
    'cors',
    [
      null,
      cors({}),
      cors({ origins: ['*'], methods: ['GET'], headers: [], maxAge: 0 }),
      cors({ origins: ['https://app.example.com', 'http://localhost:3000', 'http://[::1]:8080'] }),
      cors({ headers: ['authorization', 'x-api-key'], credentials: true, maxAge: 86_400 }),
    ],
    [
      true,
      '*',
      [],
      {},
      { origins: [] },
      { origins: '*' },
      { origins: ['*', 'https://a.example'] },
      { origins: ['https://a.example/'] },
      { origins: ['https://a.example/x'] },
      { origins: ['https://A.example'] },
      { origins: ['https://a.example:443'] },
      { origins: ['https://user@a.example'] },
      { origins: ['a.example'] },
      { origins: ['ftp://a.example'] },
      { origins: ['null'] },
      { origins: ['https://*.example.com'] },
      { origins: ['https://a.example\r\nX: y'] },
      { origins: ['*'], credentials: true },
      { origins: ['https://a.example'], methods: ['TRACE'] },
      { origins: ['https://a.example'], methods: ['get'] },
      { origins: ['https://a.example'], methods: [] },
      { origins: ['https://a.example'], headers: ['a b'] },
      { origins: ['https://a.example'], headers: ['*', 'x'] },
      { origins: ['https://a.example'], headers: ['x\n'] },
      { origins: ['https://a.example'], credentials: 'true' },
      { origins: ['https://a.example'], maxAge: -1 },
      { origins: ['https://a.example'], maxAge: 86_401 },
      { origins: ['https://a.example'], max: 1 },
    ],
  ],
];

for (const [key, taken, refused] of bounds) {
  test(`the setting ${key} is taken within its bounds`, (t) => {
    for (const value of taken)
      t.deepEqual(parseSettingsPatch({ [key]: value }, 'settings'), { [key]: value } as SettingsPatch);
  });
  test(`the setting ${key} is refused by name beyond its bounds`, (t) => {
    for (const value of refused) {
      const error = t.throws(
        () => parseSettingsPatch({ [key]: value }, 'settings'),
        { instanceOf: GlambdarError },
        String(value),
      );
      t.is(error.code, 'INVALID_REQUEST');
      t.true(error.message.startsWith(`settings: ${key}`), error.message);
    }
  });
}

test('the bounds cover every setting', (t) => {
  t.deepEqual(bounds.map(([key]) => key).sort(), Object.keys(DEFAULT_SETTINGS).sort());
});

test('the setting cors has every part after reading, and names of headers in lower case', (t) => {
  const given = { origins: ['https://app.example.com'], headers: ['X-Api-Key'] };
  t.deepEqual(parseSettingsPatch({ cors: given }, 'settings'), { cors: cors({ headers: ['x-api-key'] }) });
});

test('the setting contract takes the contracts of the table, and the sentence about another one names them', (t) => {
  for (const contract of CONTRACT_NAMES)
    t.deepEqual(parseSettingsPatch({ contract }, 'settings'), { contract });
  const { message } = t.throws(() => parseSettingsPatch({ contract: 'none' }, 'settings'));
  t.is(
    message,
    `settings: contract: expected ${CONTRACT_NAMES.map((name) => `"${name}"`).join(' or ')}; got "none".`,
  );
});

test('a function is not public unless somebody says so', (t) => {
  t.false(DEFAULT_SETTINGS.public);
});

test('the defaults are legal', (t) => {
  t.deepEqual(parseSettingsPatch({ ...DEFAULT_SETTINGS }, 'settings'), DEFAULT_SETTINGS);
});

const wrong: [value: unknown, message: RegExp][] = [
  [null, /^glambdar\.json: /],
  [[], /^glambdar\.json: /],
  ['{}', /^glambdar\.json: /],
  [{ memory: 1 }, /unknown setting "memory" \(known: memoryMb, cpus, /],
  [{ ['x'.repeat(500)]: 1 }, /unknown setting "x{64}" /],
  [{ memoryMb: 1, cpus: 99_999 }, /memoryMb: .*; cpus: /],
  [JSON.parse('{"__proto__":{"memoryMb":64}}'), /unknown setting "__proto__"/],
  [{ constructor: 1 }, /unknown setting "constructor"/],
  [{ env: { 'A B': 'x' } }, /env: "A B" is no name of a variable; expected letters, digits and _/],
  [{ env: 'canary' }, /env: expected (?!.*canary)/],
  [{ isolation: 'x'.repeat(100) }, /isolation: expected "invocation" or "function"; got "x{63}…\.$/],
];

for (const [value, message] of wrong)
  test(`settings that are ${JSON.stringify(value)?.slice(0, 60)} are refused with a sentence`, (t) => {
    const error = t.throws(() => parseSettingsPatch(value, 'glambdar.json'), { instanceOf: GlambdarError });
    t.is(error.code, 'INVALID_REQUEST');
    t.regex(error.message, message);
    t.regex(error.message, /\.$/);
  });

test('a variable may be called __proto__ without touching a prototype', (t) => {
  const { env } = parseSettingsPatch({ env: JSON.parse('{"__proto__":"x","A":"y"}') as unknown }, 'settings');
  t.is(env?.['A'], 'y');
  t.is(Object.getPrototypeOf(env), Object.prototype);
});

const fields: [field: Record<string, string>, patch: SettingsPatch][] = [
  [{}, {}],
  [
    { memoryMb: '256', cpus: '0.5', rateLimit: '10' },
    { memoryMb: 256, cpus: 0.5, rateLimit: 10 },
  ],
  [{ memoryMb: '0256' }, { memoryMb: 256 }],
  [
    { maxConcurrency: 'null', standby: '0', handler: 'null' },
    { maxConcurrency: null, standby: 0, handler: null },
  ],
  [
    { handler: 'app.run', isolation: 'function' },
    { handler: 'app.run', isolation: 'function' },
  ],
  [{ env: '{"A":"1"}' }, { env: { A: '1' } }],
  [{ installScripts: 'true' }, { installScripts: true }],
  [{ installScripts: 'false' }, { installScripts: false }],
  [{ public: 'true' }, { public: true }],
  [{ public: 'false' }, { public: false }],
  [{ cors: 'null' }, { cors: null }],
  [{ cors: '{"origins":["https://app.example.com"],"maxAge":5}' }, { cors: cors({ maxAge: 5 }) }],
];

for (const [given, patch] of fields)
  test(`the form fields ${JSON.stringify(given)} become settings`, (t) => {
    t.deepEqual(parseSettingsFields(given), patch);
  });

const wrongFields: [field: Record<string, string>, message: RegExp][] = [
  [{ memoryMb: 'lots' }, /^form field: memoryMb: expected a whole number from 64 to 10240; got "lots"\.$/],
  [{ memoryMb: '1e3' }, /^form field: memoryMb: /],
  [{ memoryMb: '' }, /^form field: memoryMb: /],
  [{ memoryMb: '9'.repeat(400) }, /^form field: memoryMb: /],
  [{ timeoutMs: '-5' }, /^form field: timeoutMs: /],
  [{ env: 'A=1' }, /^form field: env must be a JSON object of strings/],
  [{ env: '[]' }, /^form field: env: /],
  [{ env: '{"A":1}' }, /^form field: env\.A: /],
  [{ public: 'yes' }, /^form field: public: expected true or false/],
  [{ cors: '*' }, /^form field: cors must be a JSON object, e\.g\. /],
  [{ cors: '{"origins":["x"]}' }, /^form field: cors\.origins\.0: expected null, or an object with origins /],
  [
    { cors: '{"origins":["*"],"credentials":true}' },
    /^form field: cors\.credentials: .*not with origins \["\*"\]/,
  ],
  [{ color: 'red' }, /^form field: unknown setting "color" \(known: file, funcName, memoryMb, /],
  [JSON.parse('{"__proto__":"x"}') as Record<string, string>, /^form field: unknown setting "__proto__"/],
];

for (const [given, message] of wrongFields)
  test(`the form fields ${JSON.stringify(given).slice(0, 60)} are refused`, (t) => {
    t.throws(() => parseSettingsFields(given), { code: 'INVALID_REQUEST', message } as never);
  });

test('only what shapes a container makes a new version', (t) => {
  const base = { ...DEFAULT_SETTINGS };
  const apply = (patch: SettingsPatch) => applySettings(base, patch);
  for (const patch of [
    { memoryMb: 256 },
    { cpus: 1 },
    { network: 'bridge' },
    { env: { A: '1' } },
    { handler: 'a.b' },
    { contract: 'faas' },
  ] as const)
    t.true(apply(patch).newVersion, JSON.stringify(patch));
  for (const patch of [
    { timeoutMs: 200 },
    { maxConcurrency: 1 },
    { rateLimit: 1 },
    { isolation: 'function' },
    { standby: 1 },
    { installScripts: true },
    { public: true },
    { cors: cors({}) },
  ] as const) {
    t.false(apply(patch).newVersion, JSON.stringify(patch));
    t.deepEqual(apply(patch), { settings: { ...base, ...patch }, changed: patch, newVersion: false });
  }
  t.deepEqual(apply({ memoryMb: 128, env: {} }), { settings: base, changed: {}, newVersion: false });
  t.deepEqual(base, DEFAULT_SETTINGS, 'the settings before are not changed');
});

test('a patch of env merges: other variables stay, and null removes one', (t) => {
  const base = { ...DEFAULT_SETTINGS, env: { A: '1', B: '2' } };
  const merged = applySettings(base, { env: { B: '3', C: '4' } });
  t.deepEqual(merged.settings.env, { A: '1', B: '3', C: '4' });
  t.deepEqual(merged.changed, { env: { A: '1', B: '3', C: '4' } });
  t.true(merged.newVersion);
  t.deepEqual(applySettings(base, { env: { A: null } }).settings.env, { B: '2' });
  t.deepEqual(applySettings(base, { env: { Z: null, A: '1' } }).changed, {}, 'nothing has changed');
  t.deepEqual(base.env, { A: '1', B: '2' });
});

test('a variable that Object knows is a variable like any other', (t) => {
  const env = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
  const { settings } = applySettings(DEFAULT_SETTINGS, { env });
  t.deepEqual(Object.entries(settings.env), [['__proto__', 'x']]);
  const without = applySettings(settings, { env: JSON.parse('{"__proto__":null}') as Record<string, null> });
  t.deepEqual(Object.entries(without.settings.env), []);
});

test('variables so far count when a patch adds others', (t) => {
  const base = { ...DEFAULT_SETTINGS, env: { A: 'x'.repeat(20_000) } };
  const patch = { env: { B: 'x'.repeat(20_000) } };
  t.throws(() => applySettings(base, patch), { code: 'INVALID_REQUEST', message: /32768 bytes/ } as never);
  t.notThrows(() => applySettings(base, { env: { ...patch.env, A: null } }));
  const large = { ...DEFAULT_SETTINGS, env: { A: 'x'.repeat(40_000) } };
  t.notThrows(() => applySettings(large, { memoryMb: 256 }), 'what was allowed once does not hold up others');
});

test('of two patches the second wins, for each variable by itself', (t) => {
  const first = { memoryMb: 128, timeoutMs: 200, env: { A: '1', B: '2' } };
  t.deepEqual(mergePatches(first, { memoryMb: 256, env: { B: null } }), {
    memoryMb: 256,
    timeoutMs: 200,
    env: { A: '1', B: null },
  });
  t.deepEqual(mergePatches(first, {}), first);
  t.deepEqual(mergePatches({}, first), first);
});

test('of an earlier version come the settings that belong to a version, of the function the others', (t) => {
  const then = { ...DEFAULT_SETTINGS, memoryMb: 64, env: { A: '1' }, timeoutMs: 100, rateLimit: 5 };
  const now = {
    ...DEFAULT_SETTINGS,
    memoryMb: 256,
    env: { B: '2' },
    timeoutMs: 200,
    isolation: 'function' as const,
  };
  t.deepEqual(settingsOfVersion(now, then), { ...now, memoryMb: 64, env: { A: '1' } });
});
