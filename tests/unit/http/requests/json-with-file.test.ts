import test from 'ava';
import fc from 'fast-check';
import { Base64Error } from '../../../../src/http/requests/base64-decoder.js';
import { JsonWithFile } from '../../../../src/http/requests/json-with-file.js';

/** Reads a text in pieces of the given sizes, the last one for all the rest. */
function read(text: string, sizes: readonly number[] = []) {
  const body = new JsonWithFile('file');
  const bytes = Buffer.from(text);
  const files: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    files.push(body.push(bytes.subarray(at, at + size)));
    at += size;
  }
  const rest = body.rest().toString();
  return { body, rest, file: () => Buffer.concat([...files, body.end()]).toString() };
}

const hello = Buffer.from('hello').toString('base64');

for (const [what, text, rest] of [
  ['as the only member', `{"file":"${hello}"}`, '{"file":""}'],
  ['before others', `{"file":"${hello}","name":"f"}`, '{"file":"","name":"f"}'],
  [
    'behind others',
    ` {"name" : "file", "n": [{"file": "x"}], "file" : "${hello}" }`,
    ' {"name" : "file", "n": [{"file": "x"}], "file" : "" }',
  ],
  [
    'behind a key that only resembles its own',
    `{"files":"x","\\"file":"y","file":"${hello}"}`,
    '{"files":"x","\\"file":"y","file":""}',
  ],
  ['behind strings with brackets and colons', `{"a":"}]:{","file":"${hello}"}`, '{"a":"}]:{","file":""}'],
  ['with escaped line breaks', `{"file":"aGVs\\nbG8\\r\\n=\\t"}`, '{"file":""}'],
  ['with line breaks by number', `{"file":"aGVs\\u000abG8\\u003D"}`, '{"file":""}'],
  ['with raw line breaks', `{"file":"aGVs\nbG8=\n"}`, '{"file":""}'],
  ['without padding', `{"file":"aGVsbG8"}`, '{"file":""}'],
] as const) {
  test(`a file ${what} is decoded and taken out`, (t) => {
    for (const sizes of [[], ...Array.from(text, (_, index) => [index]), Array.from(text, () => 1)]) {
      const result = read(text, sizes);
      t.is(result.file(), 'hello');
      t.is(result.rest, rest);
      t.is(result.body.filesSeen, 1);
    }
  });
}

test('slashes may be escaped', (t) => {
  t.is(read('{"file":"\\/\\/8="}').file(), Buffer.from([255, 255]).toString());
});

for (const text of [
  'a',
  'ab=c',
  'abc=d',
  'ab===',
  'a b!',
  'ab\\"cd',
  'ab\\\\cd',
  'é',
  '\\u00e9AAA',
  'ab-_',
  'abc==',
  'a===',
  '=abc',
]) {
  test(`${JSON.stringify(text)} is no base64, and known to be none at the end only`, (t) => {
    const result = read(`{"file":"${text}","name":"f"}`);
    t.is(result.rest, '{"file":"","name":"f"}');
    t.throws(result.file, { instanceOf: Base64Error });
  });
}

for (const [text, seen] of [
  ['{"file":5}', 0],
  ['{"a":{"file":"aaaa"}}', 0],
  ['["file","aaaa"]', 0],
  ['{"file":["aaaa"]}', 0],
  ['{"file":{"file":"aaaa"}}', 0],
  ['{"file":null,"a":"aaaa"}', 0],
  ['{"file":"aaaa","file":"bbbb"}', 2],
] as const) {
  test(`in ${text} the file is there ${seen} times`, (t) => {
    t.is(read(text).body.filesSeen, seen);
  });
}

test('any file in any JSON comes out whole, in whatever pieces it comes', (t) => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 300 }),
    fc.dictionary(
      fc.string({ maxLength: 5 }).filter((key) => key !== 'file'),
      fc.jsonValue({ maxDepth: 2 }),
      { maxKeys: 3 },
    ),
    fc.array(fc.nat(40), { maxLength: 20 }),
    fc.constantFrom('', '\n', '\r\n'),
    fc.boolean(),
    (bytes, others, sizes, lineEnd, isFirst) => {
      const base64 = Buffer.from(bytes).toString('base64').replace(/.{76}/g, `$&${lineEnd}`);
      const object = isFirst ? { file: base64, ...others } : { ...others, file: base64 };
      const { rest, file } = read(JSON.stringify(object, null, isFirst ? 1 : undefined), sizes);
      t.deepEqual(JSON.parse(rest), JSON.parse(JSON.stringify({ ...object, file: '' })));
      return file() === Buffer.from(bytes).toString();
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
