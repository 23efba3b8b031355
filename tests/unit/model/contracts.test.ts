import test from 'ava';
import {
  assertContractFits,
  CONTRACT_NAMES,
  CONTRACTS,
  defaultContract,
} from '../../../src/model/contracts.js';

test('a contract fits its own kind of source, and for the other kind a sentence names those that fit', (t) => {
  for (const name of CONTRACT_NAMES) {
    const { source } = CONTRACTS[name];
    t.notThrows(() => assertContractFits(name, source), name);
    const error = t.throws(() => assertContractFits(name, source === 'image' ? 'bundle' : 'image'), {
      code: 'INVALID_REQUEST',
    } as never);
    t.regex(
      error.message,
      source === 'image' ? /choose "glambdar" or "faas"/ : /choose "go-serverless" or "cloudfunc"/,
    );
  }
});

test('the default contract of a kind fits it', (t) => {
  for (const kind of ['bundle', 'image'] as const) t.is(CONTRACTS[defaultContract(kind)].source, kind);
});
