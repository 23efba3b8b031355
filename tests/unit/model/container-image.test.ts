import test from 'ava';
import { imageKey, parseImageReference } from '../../../src/model/container-image.js';

test('names that docker pull takes are taken', (t) => {
  for (const name of [
    'busybox',
    'busybox:1.36',
    'library/busybox',
    'ghcr.io/owner/name:tag',
    'localhost/a',
    'localhost:5000/a/b_c/d--e:T.a-g_1',
    '127.0.0.1:5000/a',
    'registry:5000/a',
    '[::1]:5000/a',
    `a.b/c@sha256:${'0'.repeat(64)}`,
    `a.b/c:1@sha256:${'0'.repeat(64)}`,
  ])
    t.is(parseImageReference(name), name);
});

test('anything else is refused with an example, and quoted safely', (t) => {
  for (const name of [
    '',
    7,
    null,
    'UPPER/case',
    'a b',
    'a/../b',
    '../a',
    '/a',
    'a/',
    'a//b',
    'a?x=1',
    'a#b',
    'a%2e',
    'a:',
    'a:-',
    'a\nb',
    'a@sha256:0',
    `a:${'x'.repeat(129)}`,
    'a'.repeat(513),
  ]) {
    const error = t.throws(
      () => parseImageReference(name),
      { code: 'INVALID_REQUEST' } as never,
      String(name),
    );
    t.regex(error.message, /named like "ghcr\.io\/owner\/name:tag", not /);
    t.notRegex(error.message, /\n/);
  }
});

test('keys are equal for names of the same image only', (t) => {
  const keys = [
    imageKey({ type: 'node' }),
    imageKey({ type: 'reference', reference: 'node' }),
    imageKey({ type: 'reference', reference: 'a' }),
    imageKey({ type: 'pinned', digest: 'a' }),
  ];
  t.is(new Set(keys).size, keys.length);
});
