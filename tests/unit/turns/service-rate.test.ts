import test from 'ava';
import { ServiceRate } from '../../../src/turns/service-rate.js';

test('there is a guess until something was measured', (t) => {
  t.is(new ServiceRate().intervalMs(1_000), 75);
});

test('the time between two who are served while others wait is learnt', (t) => {
  const service = new ServiceRate();
  let now = 0;
  for (let n = 0; n < 100; n += 1) service.served((now += 20), true);
  t.true(Math.abs(service.intervalMs(now) - 20) < 0.1, `${service.intervalMs(now)}`);
});

test('time in which nobody waited does not count', (t) => {
  const service = new ServiceRate();
  service.served(0, false);
  service.served(60_000, true);
  t.is(service.intervalMs(60_000), 75);
  service.served(60_075, false);
  t.is(service.intervalMs(1e9), 75, 'nor does the time since nobody waits any more');
});

test('when nobody is served for long it says how long', (t) => {
  const service = new ServiceRate();
  service.served(0, true);
  t.is(service.intervalMs(50), 75);
  t.is(service.intervalMs(9_000), 9_000);
});

test('one that took long counts for a tenth', (t) => {
  const service = new ServiceRate();
  service.served(0, true);
  service.served(1_075, true);
  t.is(service.intervalMs(1_075), 175);
});
