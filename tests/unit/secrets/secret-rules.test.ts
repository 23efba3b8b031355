import test from 'ava';
import {
  assertRoomForSecret,
  assertSecretName,
  assertSecretValue,
} from '../../../src/secrets/secret-rules.js';

test('names are those of variables that nobody else acts on', (t) => {
  for (const name of ['A', '_', 'API_KEY', 'NODE_AUTH_TOKEN', '__proto__', 'a'.repeat(128)])
    t.notThrows(() => assertSecretName(name), name);
  const refused = ['', '9A', 'A-B', 'A B', 'A=B', 'Ä', 'a'.repeat(129), 'A\n'];
  for (const name of [...refused, 'GLAMBDAR_SLOT', 'NODE_OPTIONS', 'PATH', 'LD_PRELOAD'])
    t.throws(() => assertSecretName(name), { code: 'INVALID_REQUEST' } as never, name);
});

test('a value that stands in the place of the name is not said again', (t) => {
  for (const name of ['KEY=canary', '=canary', 'A B=canary=canary']) {
    const error = t.throws(() => assertSecretName(name), { message: /the value goes into the body/ });
    t.notRegex(error.message, /canary/);
  }
});

test('a value is text of 1 byte to 16 KiB, and its refusal says nothing of it', (t) => {
  for (const value of ['x', '\n', 'x'.repeat(16_384), 'ü'.repeat(8_192)])
    t.notThrows(() => assertSecretValue(value));
  for (const value of ['', 'x'.repeat(16_385), 'ü'.repeat(8_193), 'canary\0', 'canary\ud800']) {
    const error = t.throws(() => assertSecretValue(value), { code: 'INVALID_REQUEST' } as never);
    t.false(error?.message.includes('canary'));
  }
});

test('a function has at most 64 secrets and 64 KiB of them, and the refusal says both numbers', (t) => {
  t.notThrows(() => assertRoomForSecret(Array<number>(63).fill(1), 'x'));
  t.throws(() => assertRoomForSecret(Array<number>(64).fill(1), 'x'), { message: /64 secrets.* 64;/ });
  t.notThrows(() => assertRoomForSecret([65_535], 'x'));
  t.throws(() => assertRoomForSecret([65_536], 'x'), { message: /65536 bytes.* 65537\./ });
});
