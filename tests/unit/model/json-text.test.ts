import test from 'ava';
import fc from 'fast-check';
import { MAX_JSON_DEPTH, readJsonText, type Span } from '../../../src/model/json-text.js';

const text = (source: string, span: Span | undefined): string | undefined =>
  span && Buffer.from(source).toString('utf8', span.start, span.end);

test('every JSON text is taken, and its value is what stands between white space', (t) => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('', ' ', '\n\t\r '),
      fc.constantFrom('', '\uFEFF'),
      (json, space, mark) => {
        const source = mark + space + json + space;
        t.is(text(source, readJsonText(Buffer.from(source)).value), json);
      },
    ),
  );
});

test('what JSON.parse refuses is refused, and nothing else', (t) => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '\\',
    '\\u00e',
    '1',
    '-',
    '0',
    '.',
    'e',
    '+',
    'true',
    'nul',
    ' ',
    'ü',
    '\u0001',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
      const source = parts.join('');
      const accepts = (read: () => unknown): boolean => {
        try {
          read();
          return true;
        } catch {
          return false;
        }
      };
      t.is(
        accepts(() => readJsonText(Buffer.from(source))),
        accepts(() => JSON.parse(source) as unknown),
        source,
      );
    }),
    { numRuns: 5_000 },
  );
});

test('wanted members are found where they are, the last of repeated ones, and only on the first level', (t) => {
  const source = ' {"a" : 1.50 , "b":{"a":2},"\\u0061":[ 1, {"b":3} ] ,"c":"x"} ';
  const { members } = readJsonText(Buffer.from(source), ['a', 'b', 'd']);
  t.deepEqual(
    [...members!].map(([name, span]) => [name, text(source, span)]),
    [
      ['a', '[ 1, {"b":3} ]'],
      ['b', '{"a":2}'],
    ],
  );
  t.is(readJsonText(Buffer.from('[{"a":1}]'), ['a']).members, null);
  t.is(readJsonText(Buffer.from('{}'), ['a']).members!.size, 0);
  t.is(readJsonText(Buffer.from('{"__proto__":1}'), ['__proto__']).members!.size, 1);
});

for (const [source, message] of [
  ['', 'it ends too early'],
  ['{"a":', 'it ends too early'],
  ['{"a":1}}', 'unexpected "}" at byte 7'],
  ['{a:1}', 'unexpected "a" at byte 1'],
  ['[1,]', 'unexpected "]" at byte 3'],
  ['"ü\n"', 'unexpected "\\n" at byte 3'],
  ['€', 'unexpected "€" at byte 0'],
] as const)
  test(`${JSON.stringify(source)} is refused with its place`, (t) => {
    t.throws(() => readJsonText(Buffer.from(source)), { message });
  });

test('bytes that are not UTF-8 are refused', (t) => {
  t.throws(() => readJsonText(Buffer.from([0x22, 0xff, 0x22])), { message: 'it is not UTF-8' });
});

test('a text that is nested deeply is refused before it is read to its end, a large flat one is read quickly', (t) => {
  const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + '1' + ']'.repeat(depth));
  t.notThrows(() => readJsonText(nested(MAX_JSON_DEPTH)));
  t.throws(() => readJsonText(nested(MAX_JSON_DEPTH + 1)), { message: /deeper than 512/ });
  t.throws(() => readJsonText(Buffer.alloc(6 * 2 ** 20, '[')), { message: /deeper than 512/ });
  t.notThrows(() => readJsonText(Buffer.from(`[${'{"a":[1,"x"]},'.repeat(400_000)}0]`)));
});
