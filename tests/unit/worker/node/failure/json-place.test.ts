import fc from 'fast-check';
import test from 'ava';
import { describeJsonFault } from '../../../../../worker/node/failure/json-place.cjs';

const faults: [text: string, fault: string][] = [
  ['{', 'it ends at position 1 (line 1, column 2), before the JSON is complete'],
  ['{"a":}', 'unexpected "}" at position 5 (line 1, column 6)'],
  ['{"a":1,}', 'unexpected "}" at position 7 (line 1, column 8)'],
  ["{'a':1}", 'unexpected "\'" at position 1 (line 1, column 2)'],
  ['name=Ada', 'unexpected "n" at position 0 (line 1, column 1)'],
  ['[1 2]', 'unexpected "2" at position 3 (line 1, column 4)'],
  ['{}\n{}', 'unexpected "{" at position 3 (line 2, column 1)'],
  ['[\n  1,\n  x\n]', 'unexpected "x" at position 9 (line 3, column 3)'],
  ['"a\nb"', 'unexpected "\\"" at position 0 (line 1, column 1)'],
  ['😀', 'unexpected "😀" at position 0 (line 1, column 1)'],
  ['[01]', 'unexpected "1" at position 2 (line 1, column 3)'],
  ['[}', 'unexpected "}" at position 1 (line 1, column 2)'],
];

test('the place where a text stops being JSON is found', (t) => {
  for (const [text, fault] of faults) {
    t.throws(() => JSON.parse(text) as unknown, undefined, text);
    t.is(describeJsonFault(text), fault);
  }
});

test('the JSON before a fault is never blamed', (t) => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const fault = describeJsonFault(`${json} !`);
      t.true(fault.startsWith(`unexpected "!" at position ${json.length + 1} `), json);
    }),
  );
});

test('deep nesting breaks nothing', (t) => {
  t.regex(describeJsonFault('['.repeat(1_000_000)), /^it ends at position 1000000 /);
});
