import test from 'ava';
import { versionKey } from '../../../src/model/function/function.js';
import { VersionLeases } from '../../../src/registry/version-leases.js';
import { record, version } from '../store/builders.js';

test('a version is free when its last lease is released', (t) => {
  const leases = new VersionLeases();
  const [first, second] = [leases.take(record('f')), leases.take(record('f'))];
  t.is(first.record.active.version, 1);
  let freed = 0;
  leases.whenFree(first.record.active, () => (freed += 1));
  first.release();
  first.release();
  t.is(freed, 0, 'releasing twice is releasing once');
  second.release();
  t.is(freed, 1);
});

test('a version nobody leases is free at once', (t) => {
  const leases = new VersionLeases();
  leases.take(record('f', 2));
  let freed = 0;
  leases.whenFree(version('f'), () => (freed += 1));
  t.is(freed, 1);
  leases.take(record('f')).release();
  t.is(freed, 1, 'and told of once');
});

test('the same number in another life of a function is another version', (t) => {
  const [before, after] = [version('f'), version('f', 1, 2_000)];
  t.not(versionKey(before), versionKey(after));
  const leases = new VersionLeases();
  const lease = leases.take(record('f'));
  let freed = false;
  leases.whenFree(after, () => (freed = true));
  t.true(freed);
  lease.release();
});
