import { randomBytes } from 'node:crypto';
import test from 'ava';
import { SealError, seal, sealedValueBytes, unseal } from '../../../src/secrets/sealing.js';
import { idOf } from '../store/builders.js';

const key = randomBytes(32);
const owner = { functionId: idOf('f'), name: 'TOKEN' };

test('a sealed value opens to the same text, and does not show it', (t) => {
  for (const value of ['x', 'pässwörd €\n', 'v'.repeat(16_384)]) {
    const sealed = seal(key, owner, value);
    t.is(unseal(key, owner, sealed), value);
    t.false(sealed.includes(Buffer.from(value.slice(0, 8))) && value.length > 8);
    t.is(sealedValueBytes(sealed), Buffer.byteLength(value));
  }
});

test('the same value is sealed differently each time', (t) => {
  const all = Array.from({ length: 50 }, () => seal(key, owner, 'value').toString('hex'));
  t.is(new Set(all).size, 50);
  t.is(new Set(all.map((hex) => hex.slice(18, 42))).size, 50, 'a nonce of its own');
});

test('a value that was moved to another function or name, or changed in any byte, does not open', (t) => {
  const sealed = seal(key, owner, 'value');
  const refused = (reason: string, run: () => unknown): void => {
    t.like(t.throws(run, { instanceOf: SealError }), { reason });
  };
  refused('damaged', () => unseal(key, { ...owner, functionId: idOf('g') }, sealed));
  refused('damaged', () => unseal(key, { ...owner, name: 'OTHER' }, sealed));
  refused('other-key', () => unseal(randomBytes(32), owner, sealed));
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed[index]! ^= 1;
    refused(index >= 1 && index <= 8 ? 'other-key' : 'damaged', () => unseal(key, owner, changed));
  }
  for (const length of [0, 1, 36, sealed.length - 1])
    refused('damaged', () => unseal(key, owner, sealed.subarray(0, length)));
});
