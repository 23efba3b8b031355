import test from 'ava';
import fc from 'fast-check';
import { safeStyled } from '../../../src/cli/terminal/output.js';
import { safeJson, safeLine, safeText } from '../../../src/cli/terminal/safe-text.js';

const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2066]/u;

test('an escape sequence is shown as text, tabs and newlines stay', (t) => {
  t.is(safeText('a\u001b[31mb\r\nc\td\u009b0m\u202ee\r'), 'a\\x1b[31mb\nc\td\\x9b0m\\u202ee\\x0d');
  t.is(safeLine('a\nb\tc'), 'a\\nb\\tc');
});

test('no text leaves a control character, as text or in JSON, and JSON still means the same', (t) => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, (any) => {
      const json = safeJson({ any }, 0);
      return !DANGEROUS.test(safeText(any)) && !DANGEROUS.test(json) && JSON.parse(json).any === any;
    }),
  );
  t.pass();
});

test('of what is printed only our own colours reach the terminal as they are', (t) => {
  const [green, end] = ['\u001b[32m', '\u001b[39m'];
  t.is(
    safeStyled(`${green}✓${end} \u001b[2J\u001b[8mhidden\u001b]0;title\u0007\n`),
    `${green}✓${end} \\x1b[2J\\x1b[8mhidden\\x1b]0;title\\x07\n`,
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (any) => {
      const left = safeStyled(`${green}${any}${end}`).replaceAll(/\u001b\[3[1239]m/g, '');
      return !DANGEROUS.test(left);
    }),
  );
});
