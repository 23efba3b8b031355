import test from 'ava';
import { FunctionProcess } from '../../../helpers/function-process.js';

/** Runs the code in the body as an async handler. */
const evaluator =
  "const fs = require('node:fs');\nconst AsyncFunction = (async () => {}).constructor;\nexports.handler = async (req) => ({ body: (await new AsyncFunction('fs', 'require', req.body)(fs, require)) ?? null });";

test('what is written to the descriptors is output of the call, in the order of the console', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  await fn.answer({
    body: `
      fs.writeSync(1, 'a'); console.log('b'); fs.writeSync(1, Buffer.from('xcx'), 1, 1);
      process.stdout.write('d'); fs.writevSync(1, [Buffer.from('e'), Buffer.from('f')]);
      fs.writeFileSync(1, 'g'); fs.appendFileSync(1, Buffer.from('h'));
      fs.writeSync(1, Buffer.from('yiy'), { offset: 1, length: 1 }); fs.writeSync(1, '6a', null, 'hex');
      fs.writeSync(2, 'on the other');`,
  });
  t.deepEqual(fn.logs, { stdout: 'ab\ncdefghij', stderr: 'on the other' });
});

test('asynchronous writes and streams on the descriptors are output of the call, too', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const told = await fn.json({
    body: `
      const { promisify } = require('node:util');
      const first = await promisify(fs.write)(1, 'a');
      const bytes = await new Promise((done) => fs.write(1, Buffer.from('bb'), (error, count) => done(error ?? count)));
      await promisify(fs.writev)(1, [Buffer.from('c')]);
      const stream = fs.createWriteStream(null, { fd: 1, autoClose: false });
      await new Promise((done) => stream.write('d', done));
      const module = await import('node:fs');
      module.writeSync(1, 'e');
      return [first.bytesWritten, first.buffer, bytes];`,
  });
  t.deepEqual(told, [1, 'a', 2]);
  t.is(fn.logs.stdout, 'abbcde');
});

test('a logger that writes to the descriptor is heard while the module loads', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "require('fs').writeSync(1, 'loading\\n'); exports.handler = () => ({});",
  );
  t.is(fn.logs.stdout, 'loading\n');
});

test('wrong arguments and other descriptors are left to Node', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const told = await fn.json({
    body: `
      const failure = (work) => { try { return work(); } catch (error) { return error.code; } };
      const file = fs.openSync(require('node:path').join(require('node:os').tmpdir(), 'glambdar-' + process.pid), 'w+');
      const written = fs.writeSync(file, 'text');
      const result = [
        failure(() => fs.writeSync(1, Buffer.alloc(2), 5)), failure(() => fs.writeSync(1, Buffer.alloc(2), 0, 9)),
        failure(() => fs.writeSync(1, {})),
        failure(() => fs.write(1, 'a')), failure(() => fs.writeSync('1', 'a')), written,
        [fs.writeSync.name, fs.writeSync.length, fs.write.name],
      ];
      fs.closeSync(file);
      return result;`,
  });
  t.deepEqual(told, [
    'ERR_OUT_OF_RANGE',
    'ERR_OUT_OF_RANGE',
    'ERR_INVALID_ARG_TYPE',
    'ERR_INVALID_ARG_TYPE',
    'ERR_INVALID_ARG_TYPE',
    4,
    ['writeSync', 5, 'write'],
  ]);
  t.is(fn.logs.stdout, '');
});

test('too much output to a descriptor is cut and counted like that of the console', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { message } = await fn.answer({
    body: "for (let i = 0; i < 300; i += 1) fs.writeSync(1, 'x'.repeat(1024));",
  });
  t.is(fn.logs.stdout.length, 256 * 1024);
  t.is(message.cut?.stdout, 44 * 1024);
});
