import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const add = (name: string, more = ''): string =>
  `add "${name}" to the dependencies in package.json, which a deploy installs, or run npm install in the folder before you zip it${more}`;
const absent = (file: string): string =>
  `there is no ${file} in the bundle: build it before you deploy, if a build makes it, and see whether .glambdarignore or .gitignore leaves it out`;
const thereIs = (file: string): string =>
  `there is ${file}: Node needs the name of the file as it is in an import, its extension included`;
const compile = '; or compile the code to JavaScript before you deploy it';
const develop =
  '"vite" is one of the devDependencies in package.json, which a deploy does not install: move it to the dependencies';
const folder = '"lib" is a folder of the bundle, but without ./ or ../ it is taken for a package';
const alias =
  '"@/lib/util" is an alias, which only compilers know: import the file by its path, which begins with ./ or ../, or bundle the code before you deploy it';
const lowerCase = 'upper and lower case count: did you mean "express"?';

const ownTypes =
  '"glambdar" is only types, for the editor, and nothing that runs: write import type { Handler } from "glambdar" in TypeScript, and leave it out in JavaScript';

const files = {
  'package.json': '{"devDependencies":{"vite":"7.0.0"},"dependencies":{"express":"5.0.0"}}',
  'node_modules/express/index.js': '',
  'lib/util.js': '',
  'lib/typed.ts': '',
  'lib/deep/caller.js': 'exports.load = (name) => require(name);',
};
const commonJs = {
  ...files,
  'index.js':
    "const { load } = require('./lib/deep/caller.js'); exports.handler = async (req) => { const [how, name] = req.body.split(' '); if (how === 'deep') load(name); else if (how === 'import') await import(name); else require(name); };",
};
const esModule = {
  ...files,
  'index.mjs': 'export const handler = async (req) => { await import(req.body); };',
};

/** What is required or imported, and the hint; none when it is empty. */
const missing: [what: string, hint: string][] = [
  ['require pdfkit', add('pdfkit')],
  ['require pdfkit/js/lib.js', add('pdfkit')],
  ['require @scope/some', add('@scope/some')],
  ['require JSONStream', add('JSONStream')],
  ['import pdfkit', add('pdfkit')],
  ['import pdfkit/js', add('pdfkit')],
  ['deep pdfkit', add('pdfkit')],
  ['require Express', lowerCase],
  ['import Express', lowerCase],
  ['require vite', develop],
  ['import vite', develop],
  ['require fss', add('fss')],
  ['require ms', add('ms')],
  ['require ws', add('ws')],
  ['require ur', add('ur')],
  ['require FS', add('FS', '; or did you mean Node\'s own "node:fs"?')],
  ['require Crypto', add('Crypto', '; or did you mean Node\'s own "node:crypto"?')],
  ['require paht', add('paht', '; or did you mean Node\'s own "node:path"?')],
  ['require glambdar', ownTypes],
  ['import glambdar', ownTypes],
  ['require crpyto', add('crpyto', '; or did you mean Node\'s own "node:crypto"?')],
  ['require node:fss', 'did you mean "node:fs"?'],
  ['import node:htp', 'did you mean "node:http"?'],
  ['require fs/promise', 'did you mean "node:fs/promises"?'],
  [
    'require node:teapot',
    `functions run on Node ${process.versions.node}, which has no module "node:teapot"`,
  ],
  ['require ./gone', absent('gone')],
  ['require ./lib/gone.json', absent('lib/gone.json')],
  ['import ./gone.js', absent('gone.js')],
  ['deep ../gone', absent('lib/gone')],
  ['require ./lib/Util.js', 'upper and lower case count: there is lib/util.js'],
  ['require ./lib/UTIL', 'upper and lower case count: there is lib/util.js'],
  ['require ./lib/typed.js', thereIs('lib/typed.ts') + compile],
  ['import ./lib/util', thereIs('lib/util.js')],
  ['require lib/util', `${folder}: write "./lib/util"`],
  ['deep lib/util', `${folder}: write "../util"`],
  ['require @/lib/util', alias],
  ['require express/gone', ''],
  ['require sharp-linux-x64', ''],
];

test('a module that is missing in a call gets a line in the log about what to do', async (t) => {
  const fn = await FunctionProcess.load(t, commonJs);
  for (const [body, hint] of missing) {
    await fn.failure({ body });
    t.is(fn.logs.stderr, hint === '' ? '' : `glambdar: ${hint}\n`, body);
  }
});

test('a module that is missing in a call of an ES module gets the same line', async (t) => {
  const fn = await FunctionProcess.load(t, esModule);
  for (const [what, hint] of missing) {
    const [how, body = ''] = what.split(' ');
    if (how !== 'import') continue;
    await fn.failure({ body });
    t.is(fn.logs.stderr, `glambdar: ${hint}\n`, what);
  }
});

test('a module that is missing while the code loads has the hint in the first line of the error', async (t) => {
  for (const [source, hint] of [
    ["require('pdfkit')", add('pdfkit')],
    ["require('./gone')", absent('gone')],
    ["require('vite')", develop],
  ] as const) {
    const { message } = await FunctionProcess.loadError(t, { ...files, 'index.js': source });
    t.true(message.split('\n')[0]!.endsWith(`(${hint})`), message);
  }
});

test('a missing module behind another error gets its line, too', async (t) => {
  const source =
    "exports.handler = () => { try { require('pdfkit'); } catch (cause) { throw new Error('no pdf', { cause }); } };";
  const fn = await FunctionProcess.load(t, source);
  await fn.failure();
  t.is(fn.logs.stderr, `glambdar: ${add('pdfkit')}\n`);
});

test('an import that only a TypeScript compiler would find is told the name that Node needs', async (t) => {
  const js = await FunctionProcess.loadError(t, {
    'index.mjs': "import { b } from './b.js'; export const handler = () => b;",
    'b.ts': 'export const b = 1;',
  });
  t.is(js.message, `Cannot find module 'b.js' imported from index.mjs (${thereIs('b.ts')}${compile})`);
});

test('an import of the types of glambdar without the word type is told how to write it', async (t) => {
  const error = await FunctionProcess.loadError(t, {
    'package.json': '{"devDependencies":{"glambdar":"1.0.0"}}',
    'index.mjs': "import { Handler } from 'glambdar'; export const handler = () => ({ body: 1 });",
  });
  t.true(error.message.split('\n')[0]!.endsWith(`(${ownTypes})`), error.message);
});
