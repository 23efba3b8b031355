import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import test from 'ava';
import { ResultHeader } from '../../../src/install/result-header.js';

function frame(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

const broken: [what: string, bytes: Buffer][] = [
  ['is too long', Buffer.from([255, 255, 255, 255])],
  ['is no JSON', frame('npm')],
  ['is null', frame('null')],
  ['has no exit code', frame('{"log":""}')],
];
for (const [what, bytes] of broken) {
  test(`a first frame that ${what} is the fault of what was installed`, async (t) => {
    const header = new ResultHeader();
    const error = await t.throwsAsync(pipeline(Readable.from([bytes]), header, async () => undefined));
    t.is((error as { code?: string }).code, 'INSTALL_FAILED');
    t.regex(error.message, /installScripts/);
  });
}

test('the first frame is taken out of the stream, however it is cut, and the rest is handed on', async (t) => {
  const bytes = Buffer.concat([frame('{"exitCode":0,"log":"x"}'), Buffer.from('rest')]);
  const header = new ResultHeader();
  let rest = '';
  await pipeline(Readable.from([...bytes].map((byte) => Buffer.from([byte]))), header, async (source) => {
    for await (const chunk of source) rest += String(chunk);
  });
  t.deepEqual(header.outcome, { code: 0, log: 'x' });
  t.is(rest, 'rest');
});
