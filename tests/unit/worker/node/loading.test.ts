import test from 'ava';
import { FunctionProcess, type Files } from '../../../helpers/function-process.js';

const answers = (what: string): string => `exports.handler = () => ({ body: ${JSON.stringify(what)} });`;
const answersEsm = (what: string): string =>
  `export const handler = () => ({ body: ${JSON.stringify(what)} });`;

const entries: [what: string, files: Files, handler?: string][] = [
  ['a CommonJS index.js', { 'index.js': answers('yes') }],
  ['index.mjs', { 'index.mjs': answersEsm('yes') }],
  ['index.cjs', { 'index.cjs': answers('yes') }],
  ['index.js before index.mjs', { 'index.js': answers('yes'), 'index.mjs': answersEsm('no') }],
  [
    'an ES module index.js by package type',
    { 'index.js': answersEsm('yes'), 'package.json': '{"type":"module"}' },
  ],
  ['an ES module index.js by its syntax', { 'index.js': answersEsm('yes') }],
  [
    'a module with top-level await',
    { 'index.mjs': `await new Promise((r) => setTimeout(r, 5));${answersEsm('yes')}` },
  ],
  [
    'a module whose dependency has top-level await',
    {
      'index.mjs': "import { q } from './q.mjs'; export const handler = () => ({ body: q });",
      'q.mjs': "export const q = await Promise.resolve('yes');",
    },
  ],
  [
    'the main of package.json',
    { 'package.json': '{"main":"lib/app.js"}', 'lib/app.js': answers('yes'), 'index.js': answers('no') },
  ],
  [
    'the main of a package.json behind a byte order mark',
    { 'package.json': '\uFEFF{"main":"app.js","type":"module"}', 'app.js': answersEsm('yes') },
  ],
  ['a main with ./', { 'package.json': '{"main":"./app.mjs"}', 'app.mjs': answersEsm('yes') }],
  ['a main without extension', { 'package.json': '{"main":"app"}', 'app.cjs': answers('yes') }],
  ['a main that has no extension at all', { 'package.json': '{"main":"app"}', app: answers('yes') }],
  ['a main that is a directory', { 'package.json': '{"main":"lib"}', 'lib/index.js': answers('yes') }],
  [
    'a main that is a directory with a slash',
    { 'package.json': '{"main":"lib/"}', 'lib/index.mjs': answersEsm('yes') },
  ],
  [
    'index.js when the main is missing',
    { 'package.json': '{"main":"dist/gone.js"}', 'index.js': answers('yes') },
  ],
  [
    'index.js when the main leaves the folder',
    { 'package.json': '{"main":"../../x.js"}', 'index.js': answers('yes') },
  ],
  [
    'index.js when the main names a file beside the folder',
    {
      'package.json': '{"main":"../function2/x.js"}',
      '../function2/x.js': answers('no'),
      'index.js': answers('yes'),
    },
  ],
  ['index.js when the main is no string', { 'package.json': '{"main":{}}', 'index.js': answers('yes') }],
  [
    'the handler setting',
    { 'src/app.js': answers('yes').replace('handler', 'run'), 'index.js': answers('no') },
    'src/app.run',
  ],
  ['the handler setting with its extension', { 'app.mjs': answersEsm('yes') }, 'app.mjs.handler'],
  [
    'the handler setting for a default export',
    { 'app.mjs': "export default () => ({ body: 'yes' });" },
    'app.default',
  ],
  ['module.exports as a function', { 'index.js': "module.exports = () => ({ body: 'yes' });" }],
  ['a default export', { 'index.mjs': "export default async () => ({ body: 'yes' });" }],
  [
    'a default export that holds the handler',
    { 'index.mjs': "export default { handler: () => ({ body: 'yes' }) };" },
  ],
  [
    'the export named handler before the default one',
    { 'index.mjs': `export default () => ({ body: 'no' });${answersEsm('yes')}` },
  ],
  [
    'the default export when the one named handler is no function',
    { 'index.mjs': "export const handler = 1; export default () => ({ body: 'yes' });" },
  ],
  [
    'packages of node_modules',
    {
      'index.js': "const q = require('pkg'); exports.handler = () => ({ body: q });",
      'node_modules/pkg/package.json': '{"main":"main.js"}',
      'node_modules/pkg/main.js': "module.exports = require('dep');",
      'node_modules/dep/index.js': "module.exports = 'yes';",
    },
  ],
  [
    'packages of node_modules from an ES module',
    {
      'index.mjs': "import q from 'pkg'; export const handler = () => ({ body: q });",
      'node_modules/pkg/package.json': '{"type":"module","exports":"./main.js"}',
      'node_modules/pkg/main.js': "export default 'yes';",
    },
  ],
];

for (const [what, files, handler = null] of entries)
  test(`a worker finds ${what}`, async (t) => {
    const fn = await FunctionProcess.load(t, files, { handler });
    t.is(await fn.json(), 'yes');
    t.deepEqual(fn.logs, { stdout: '', stderr: '' }, 'no warning of Node reaches the log');
  });

test('a worker gives the module its settings, folder and name when it loads', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    {
      'index.js':
        "const { readFileSync } = require('fs'); const seen = { greeting: process.env.GREETING, file: readFileSync('data.txt', 'utf8'), slot: process.env.GLAMBDAR_SLOT ?? null, main: require.main === module, argv: require('path').basename(process.argv[1]) }; exports.handler = () => ({ body: seen });",
      'data.txt': 'beside it',
    },
    { env: { GREETING: 'hello' } },
  );
  t.deepEqual(await fn.json(), {
    greeting: 'hello',
    file: 'beside it',
    slot: null,
    main: false,
    argv: 'main.cjs',
  });
});

test('what a module prints while it loads is sent before the end of the load', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "console.log('loading'); console.error('still'); exports.handler = () => ({});",
  );
  t.deepEqual(fn.logs, { stdout: 'loading\n', stderr: 'still\n' });
});

const missing: [what: string, files: Files, message: RegExp, handler?: string][] = [
  [
    'no entry file',
    { 'readme.txt': '' },
    /no entry file: expected index\.js, index\.mjs, index\.cjs, index\.ts, index\.mts or index\.cts.*; found "/,
  ],
  [
    'a package.json that holds no object',
    { 'package.json': 'null', 'index.js': '' },
    /package\.json does not hold a JSON object/,
  ],
  [
    'a package.json that is not JSON',
    { 'package.json': '{', 'index.js': '' },
    /package\.json is not valid JSON: it ends at position 1 \(line 1, column 2\), before the JSON is complete/,
  ],
  ['an entry file in capitals', { 'Index.js': '' }, /found "Index\.js"\. .*rename Index\.js to index\.js\.$/],
  [
    'a main in other capitals',
    { 'package.json': '{"main":"App.js"}', 'app.js': '' },
    /rename app\.js to App\.js\.$/,
  ],
  [
    'a main through a file',
    { 'package.json': '{"main":"readme.txt/app.js"}', 'readme.txt': '' },
    /^no entry file: /,
  ],
  [
    'an entry file in a folder',
    { 'readme.txt': '', 'src/index.ts': '' },
    /There is src\/index\.ts: set handler to "src\/index\.handler", or deploy that folder\.$/,
  ],
  [
    'one file of another name',
    { 'hello.js': '', 'jest.config.js': '' },
    /Rename hello\.js to index\.js, or set handler to "hello\.<its export>"\.$/,
  ],
  ['JSX', { 'index.tsx': '' }, /found "index\.tsx"\. JSX is no JavaScript: compile it/],
  [
    'another language',
    { 'handler.py': '' },
    /found "handler\.py"\. .*other languages as an image \(docs\/images\.md\)\.$/,
  ],
  ['a Dockerfile', { Dockerfile: '' }, /other languages as an image/],
  [
    'a handler in capitals',
    { 'index.js': 'exports.Handler = () => 1; exports.other = () => 1;' },
    /found "Handler", "other" \(did you mean "handler"\? Rename "Handler", or set handler to "index\.Handler"\)\.$/,
  ],
  [
    'a handler with a letter left out',
    { 'index.js': 'exports.handlr = () => 1; exports.other = () => 1;' },
    /found "handlr", "other" \(did you mean "handler"\? Rename "handlr", or set handler to "index\.handlr"\)\.$/,
  ],
  [
    'one function of another name',
    { 'index.mjs': 'export const hello = () => 1;' },
    /found "hello" \(did you mean "hello"\? Export it as "handler", or set handler to "index\.hello"\)\.$/,
  ],
  [
    'a server that listens instead of a handler',
    { 'index.js': "require('node:net').createServer().listen(0, '127.0.0.1');" },
    /found no exports \(the code listens on port \d+ while it loads, .* it exports a handler/,
  ],
  [
    'a server as exports',
    { 'index.js': "module.exports = require('node:http').createServer();" },
    /found module\.exports = an object of the class Server\.$/,
  ],
  [
    'no export',
    { 'index.js': '' },
    /index\.js has no handler: expected an export named "handler" .* found no exports\./,
  ],
  ['other exports only', { 'index.js': 'exports.run = 1; exports.x = 1;' }, /found "run", "x"\./],
  ['null as exports', { 'index.js': 'module.exports = null;' }, /found module\.exports = null\./],
  [
    'a handler that is no function',
    { 'index.mjs': 'export const handler = 1;' },
    /index\.mjs has no handler.*found "handler" \(of type number, not a function\)\./,
  ],
  [
    'a handler setting for no file',
    { 'index.js': '' },
    /handler "app\.run": no file app \(\.js, \.mjs, \.cjs, \.ts, \.mts or \.cts\)/,
    'app.run',
  ],
  [
    'a handler setting for no export',
    { 'app.js': '' },
    /app\.js has no handler: expected a function exported as "run"/,
    'app.run',
  ],
  [
    'a handler setting that leaves the folder',
    { 'index.js': '' },
    /points outside the function's folder/,
    '../../x.run',
  ],
  [
    'a handler setting that names the folder',
    { 'index.js': '' },
    /points outside the function's folder/,
    '..run',
  ],
  ...['constructor', 'toString', 'hasOwnProperty', '__proto__', '__defineGetter__'].map(
    (name): [string, Files, RegExp, string] => [
      `a handler setting for ${name}, which every object inherits`,
      { 'index.js': answers('yes') },
      new RegExp(`index\\.js has no handler: expected a function exported as "${name}", found "handler"\\.`),
      `index.${name}`,
    ],
  ),
  ...['call', 'bind', 'toString', 'prototype'].map((name): [string, Files, RegExp, string] => [
    `a handler setting for ${name} of a function`,
    { 'index.js': 'module.exports = function run() {};' },
    /found module\.exports = function\./,
    `index.${name}`,
  ]),
  [
    'a handler setting for what an ES module does not export',
    { 'index.mjs': answersEsm('yes') },
    /expected a function exported as "toString", found "handler"\./,
    'index.toString',
  ],
  [
    'a handler that only a prototype of the exports has',
    { 'index.js': 'module.exports = Object.create({ handler: () => ({}), default: () => ({}) });' },
    /index\.js has no handler.*found no exports\./,
  ],
  [
    'a handler that only the prototype of a default export has',
    { 'index.mjs': 'class App { handler() {} } export default new App();' },
    /index\.mjs has no handler.*found "default" \(of type object, not a function\)\./,
  ],
  [
    'exports whose prototype is a function',
    { 'index.js': 'exports.__proto__ = () => ({});' },
    /expected a function exported as "call", found no exports\./,
    'index.call',
  ],
];

for (const [what, files, message, handler = null] of missing)
  test(`loading fails with a sentence for ${what}`, async (t) => {
    const error = await FunctionProcess.loadError(t, files, { handler });
    t.is(error.name, 'LoadError');
    t.regex(error.message, message);
    t.notRegex(error.message, /glambdar-slot|worker\//);
  });

const broken: [what: string, files: Files, name: string, message: RegExp, place: [string?, number?]][] = [
  [
    'a syntax error in CommonJS',
    { 'index.js': 'const a = 1;\nexports.handler = () => {\n  const x = ;\n};\n' },
    'SyntaxError',
    /^Unexpected token ';'$/,
    ['index.js', 3],
  ],
  [
    'a syntax error in a required file',
    { 'index.js': "require('./lib/b.js');", 'lib/b.js': '\nfunction (\n' },
    'SyntaxError',
    /^Function statements require a function name$/,
    ['lib/b.js', 2],
  ],
  [
    'a syntax error in an ES module',
    { 'index.mjs': 'export const a = 1;\nexport const handler = () => {\n  const x = ;\n};\n' },
    'SyntaxError',
    /^Unexpected token ';'$/,
    ['index.mjs', 3],
  ],
  [
    'a syntax error in an ES module that ends in .js',
    { 'index.js': 'export const a = 1;\nlet x = ;\n', 'package.json': '{"type":"module"}' },
    'SyntaxError',
    /^Unexpected token ';'$/,
    ['index.js', 2],
  ],
  [
    'a syntax error in an imported file',
    {
      'index.mjs': "import { b } from './lib/a.mjs';\nexport const handler = () => b;\n",
      'lib/a.mjs': "export * from '../b.js';\n",
      'b.js': 'export const b = 1;\n\n\nexport const c = ];\n',
      'package.json': '{"type":"module"}',
    },
    'SyntaxError',
    /^Unexpected token '\]'$/,
    ['b.js', 4],
  ],
  [
    'an import of a name that is not exported',
    {
      'index.mjs': "import { nope } from './a.mjs';\nexport const handler = nope;",
      'a.mjs': 'export const a = 1;',
    },
    'SyntaxError',
    /^The requested module '\.\/a\.mjs' does not provide an export named 'nope'$/,
    [],
  ],
  [
    'a throw',
    { 'index.js': "const a = 1;\nthrow new TypeError('no luck');\n" },
    'TypeError',
    /^no luck$/,
    ['index.js', 2],
  ],
  [
    'a throw in an ES module',
    { 'index.mjs': "export const a = 1;\n\nthrow new RangeError('no luck');\n" },
    'RangeError',
    /^no luck$/,
    ['index.mjs', 3],
  ],
  [
    'a throw in a package',
    {
      'index.js': "require('p');",
      'node_modules/p/index.js': "\nthrow new Error('see other.js:99 for more');",
    },
    'Error',
    /^see other\.js:99 for more$/,
    ['node_modules/p/index.js', 2],
  ],
  [
    'a throw of the getter of the handler',
    { 'index.js': "module.exports = {\n  get handler() {\n    throw new TypeError('no luck');\n  },\n};\n" },
    'TypeError',
    /^no luck$/,
    ['index.js', 3],
  ],
  [
    'a throw of a trap around the exports',
    {
      'index.js':
        "module.exports = new Proxy({}, {\n  getOwnPropertyDescriptor() {\n    throw new TypeError('no luck');\n  },\n});\n",
    },
    'TypeError',
    /^no luck$/,
    ['index.js', 3],
  ],
  ['a throw of something that is no error', { 'index.js': "throw 'just text';" }, 'Error', /^just text$/, []],
  [
    'a rejection of a top-level await',
    { 'index.mjs': "await Promise.reject(new Error('late'));\nexport const handler = 1;" },
    'Error',
    /^late$/,
    ['index.mjs', 1],
  ],
  [
    'a missing package',
    { 'index.js': "const a = 1;\nconst b = require('left-pad-not-there');" },
    'Error',
    /^Cannot find module 'left-pad-not-there' \(add "left-pad-not-there" to the dependencies in package\.json, .*\)\nRequire stack:\n- index\.js$/,
    ['index.js', 2],
  ],
  [
    'a missing package of an ES module',
    { 'index.mjs': "import 'left-pad-not-there';" },
    'Error',
    /^Cannot find package 'left-pad-not-there' imported from index\.mjs \(add "left-pad-not-there" to the /,
    [],
  ],
  [
    'a missing file of an ES module',
    { 'index.mjs': "import './gone.mjs';" },
    'Error',
    /^Cannot find module 'gone\.mjs' imported from index\.mjs \(there is no gone\.mjs in the bundle: build it .*\)$/,
    [],
  ],
  [
    'an error in a timer while it loads',
    {
      'index.mjs':
        "setTimeout(() => {\n  throw new Error('in a timer');\n}, 1);\nawait new Promise((r) => setTimeout(r, 60_000));",
    },
    'Error',
    /^in a timer$/,
    ['index.mjs', 2],
  ],
  [
    'a top-level await that can never settle',
    { 'index.mjs': 'await new Promise(() => {});\nexport const handler = 1;' },
    'Error',
    /can never settle/,
    [],
  ],
];

test('a getter among the exports is asked once, and only when it is the handler', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "let asked = 0; module.exports = { get other() { throw new Error('not asked'); }, get run() { asked += 1; return () => ({ body: asked }); } };",
    { handler: 'index.run' },
  );
  t.is(await fn.json(), 1);
});

for (const [what, files, name, message, [file, line]] of broken)
  test(`loading fails with the place and the user's own frames for ${what}`, async (t) => {
    const error = await FunctionProcess.loadError(t, files);
    t.is(error.name, name);
    t.regex(error.message, message);
    t.deepEqual([error.file, error.line], [file, line]);
    t.notRegex(JSON.stringify(error), /glambdar-slot|\/worker\/|node:|\/slot/);
  });

test('a function of a worker/ folder keeps its frames when it throws', async (t) => {
  const error = await FunctionProcess.loadError(t, {
    'index.js': "require('./worker/main.cjs');",
    'worker/main.cjs': "function inner() {\n  throw new Error('x');\n}\ninner();",
  });
  t.is(
    error.stack,
    'Error: x\n    at inner (worker/main.cjs:2:9)\n    at Object.<anonymous> (worker/main.cjs:4:1)\n    at Object.<anonymous> (index.js:1:1)',
  );
});

test('a process that exits while it loads loses its connection', async (t) => {
  const error = await t.throwsAsync(FunctionProcess.load(t, "console.log('bye'); process.exit(3);"));
  t.is(error?.name, 'ConnectionLost');
});

test('a worker exits when the host goes away', async (t) => {
  const fn = await FunctionProcess.load(t, 'setInterval(() => {}, 1000); exports.handler = () => ({});');
  fn.connection.destroy();
  t.deepEqual(await fn.driver.exitState('worker', 30_000), { exitCode: 0, oomKilled: false });
});

const loadHints: [what: string, code: string, hint: RegExp][] = [
  [
    'listens while it loads',
    "require('node:net').createServer().listen(0, '127.0.0.1'); exports.handler = () => ({});",
    /^glambdar: the code listens on port \d+ while it loads, [^\n]*\n$/,
  ],
  [
    'has a handler with an answer to write to',
    'module.exports = function app(req, res, next) {};',
    /^glambdar: the handler writes to its second parameter, as in Express; [^\n]*contract "lambda"\n$/,
  ],
  [
    'has an arrow function with an answer to write to',
    'exports.handler = async (request, response) => ({});',
    /^glambdar: the handler writes to its second parameter/,
  ],
  [
    'has a handler with a callback',
    'exports.handler = (event, context, callback) => callback(null, {});',
    /^glambdar: the handler takes three parameters, but gets two, [^\n]*contract "lambda"\n$/,
  ],
  ['has a handler as it should be', 'exports.handler = async (req, context) => ({});', /^$/],
  ['has a bound handler', 'exports.handler = ((req) => ({})).bind(null);', /^$/],
];

for (const [what, code, hint] of loadHints)
  test(`a module that ${what} loads, and its log says what to know`, async (t) => {
    const fn = await FunctionProcess.load(t, code);
    t.regex(fn.logs.stderr, hint);
  });

test('a handler of another contract may take a callback', async (t) => {
  const fn = await FunctionProcess.load(t, 'exports.handler = (event, context, callback) => {};', {
    contract: 'lambda',
  });
  t.is(fn.logs.stderr, '');
});

const mixed: [what: string, files: Files, hint: RegExp][] = [
  [
    'an ES module where package.json says that there is none',
    { 'package.json': '{"type":"commonjs"}', 'index.js': 'export const handler = 1;' },
    /^Unexpected token 'export' \("type" in package\.json .* remove "type": "commonjs" from package\.json, or name the file \.mjs\)$/,
  ],
  [
    'import.meta where package.json says that there is no ES module',
    { 'package.json': '{"type":"commonjs"}', 'index.js': 'exports.handler = () => import.meta.url;' },
    /^Cannot use 'import\.meta' outside a module \("type" in package\.json .* name the file \.mjs\)$/,
  ],
  [
    '__dirname in an ES module',
    { 'index.mjs': 'export const handler = () => 1; console.log(__dirname);' },
    /^__dirname is not defined in ES module scope \(an ES module has import\.meta\.dirname instead\)$/,
  ],
  [
    '__filename where package.json says that it is an ES module',
    { 'package.json': '{"type":"module"}', 'index.js': 'export const handler = __filename;' },
    /^__filename is not defined in ES module scope[^]*an ES module has import\.meta\.filename instead/,
  ],
  [
    'module.exports in a file that is an ES module by its name',
    { 'index.mjs': 'module.exports = () => 1;' },
    /^module is not defined in ES module scope \(the file is an ES module, by .* or use require only, in a file whose name ends with \.cjs\)$/,
  ],
  [
    'module.exports where package.json says that it is an ES module, of which Node says enough',
    { 'package.json': '{"type":"module"}', 'index.js': 'module.exports = () => 1;' },
    /rename it to use the '\.cjs' file extension\.$/,
  ],
  [
    'an import in a .cjs file',
    { 'index.cjs': "import fs from 'node:fs';" },
    /\(a \.cjs file is no ES module: name it \.mjs, or use require and exports\)$/,
  ],
  [
    'import and exports in one file',
    { 'index.js': "import fs from 'node:fs'; exports.handler = 1;" },
    /\(the file is an ES module, by an import or export in it, /,
  ],
  [
    'JSX',
    { 'index.js': 'exports.handler = () => <a/>;' },
    /^Unexpected token '<' \(JSX is no JavaScript: compile it/,
  ],
];

for (const [what, files, message] of mixed)
  test(`${what} is refused with what to do`, async (t) => {
    const error = await FunctionProcess.loadError(t, files);
    t.regex(error.message, message);
  });

test('a main that is not in the zip is named when there is no entry file', async (t) => {
  const error = await FunctionProcess.loadError(t, { 'package.json': '{"main":"dist/index.js"}' });
  t.regex(
    error.message,
    /^no entry file: package\.json names "dist\/index\.js" as its "main", which is not in the zip\. Build it before you zip, or correct the name; expected index\.js, /,
  );
});

test('TypeScript runs where Node knows it, and is refused with advice where Node does not', async (t) => {
  const files = { 'index.ts': 'export const handler = (req: { path: string }) => ({ body: req.path });' };
  if ((process.features as { typescript?: unknown }).typescript) {
    const fn = await FunctionProcess.load(t, files);
    t.is(await fn.json({ path: '/x' }), '/x');
    return;
  }
  const error = await FunctionProcess.loadError(t, files);
  t.regex(
    error.message,
    /^index\.ts is TypeScript, which Node v\S+ does not run \(24 does\): compile it to JavaScript/,
  );
});

test('a module that is loaded is not told that it is the program', async (t) => {
  const fn = await FunctionProcess.load(t, {
    'index.mjs': `import { fileURLToPath, pathToFileURL } from 'node:url';
      const isMain = process.argv[1] === fileURLToPath(import.meta.url) || import.meta.url === pathToFileURL(process.argv[1]).href;
      export const handler = () => ({ body: isMain });`,
  });
  t.false(await fn.json());
});

test('a stack names the places of the sources where code comes with a source map', async (t) => {
  const map = { version: 3, sources: ['src.ts'], names: [], mappings: 'AAGQ' };
  const fn = await FunctionProcess.load(t, {
    'index.js':
      "exports.handler = async () => { throw new Error('mapped'); };\n//# sourceMappingURL=index.js.map\n",
    'index.js.map': JSON.stringify(map),
  });
  t.like((await fn.failure()).error, { file: 'src.ts', line: 4 });
});
