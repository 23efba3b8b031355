import test from 'ava';
import ts from 'typescript';
import { FunctionProcess } from '../../../helpers/function-process.js';

const source = `type In = { n: number };

interface Gone {
  a: string;
}
function deep(input: In): never {
  throw new TypeError('deep ' + input.n);
}
export const handler = async () => deep({ n: 1 });
`;

/** What the TypeScript compiler makes of the source, with a map in the file itself or beside it. */
function compiled(options: ts.CompilerOptions) {
  const { outputText, sourceMapText = '' } = ts.transpileModule(source, {
    fileName: 'app.ts',
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, ...options },
  });
  return { code: outputText, map: sourceMapText };
}

test('an error is told with its place in the source, when a map lies beside the code or in it', async (t) => {
  const beside = compiled({ sourceMap: true });
  const inside = compiled({ inlineSourceMap: true });
  const bundles = [
    { 'app.js': beside.code, 'app.js.map': beside.map, 'index.js': "module.exports = require('./app.js');" },
    { 'app.js': inside.code, 'index.js': "module.exports = require('./app.js');" },
  ];
  for (const files of bundles) {
    const fn = await FunctionProcess.load(t, files);
    const { error } = await fn.failure();
    t.like(error, { message: 'deep 1', file: 'app.ts', line: 7 });
    t.regex(
      error.stack,
      /^TypeError: deep 1\n {4}at deep \(app\.ts:7:9\)\n {4}at (exports\.)?handler \(app\.ts:9:36\)/,
    );
  }
});

test('a source root and a folder of its own are followed', async (t) => {
  const { code, map } = compiled({ sourceMap: true });
  const moved = JSON.stringify({ ...JSON.parse(map), sourceRoot: '../src' });
  const fn = await FunctionProcess.load(
    t,
    { 'dist/app.js': code, 'dist/app.js.map': moved },
    { handler: 'dist/app.handler' },
  );
  t.like((await fn.failure()).error, { file: 'src/app.ts', line: 7 });
});

test('a map that is missing, broken or of another kind leaves the stack as it is', async (t) => {
  const { code } = compiled({ sourceMap: true });
  const odd = [
    {},
    { 'app.js.map': '{' },
    { 'app.js.map': 'null' },
    { 'app.js.map': '{"version":3,"sources":[],"mappings":"!!!"}' },
    { 'app.js.map': '{"version":3,"sources":[null],"names":[],"mappings":"AAAA"}' },
  ];
  for (const map of odd) {
    const files = { 'app.js': code, 'index.js': "module.exports = require('./app.js');", ...map };
    const { error } = await (await FunctionProcess.load(t, files)).failure();
    t.like(error, { message: 'deep 1', file: 'app.js' }, JSON.stringify(map));
  }
});
