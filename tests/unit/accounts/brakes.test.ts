import test from 'ava';
import { Brakes } from '../../../src/accounts/brakes.js';
import { GuessBrakes } from '../../../src/accounts/guess-brakes.js';
import { ManualClock } from '../../helpers/manual-clock.js';

const limits = { free: 3, firstMs: 1_000, mostMs: 8_000, forgetMs: 60_000 };

test('after the free attempts each one waits twice as long as the one before, up to a limit', (t) => {
  const clock = new ManualClock();
  const brakes = new Brakes({ clock, ...limits });
  const waits = [];
  for (let attempt = 0; attempt < 9; attempt += 1) {
    waits.push(brakes.waitMs('a'));
    clock.move(brakes.waitMs('a'));
    brakes.count('a');
  }
  t.deepEqual(waits, [0, 0, 0, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  t.is(brakes.waitMs('b'), 0);
});

test('attempts at the same time count from their beginning', (t) => {
  const brakes = new Brakes({ clock: new ManualClock(), ...limits });
  for (let attempt = 0; attempt < 3; attempt += 1) brakes.count('a');
  t.is(brakes.waitMs('a'), 1_000);
});

test('attempts are forgotten with time, and when the subject has proved who it is', (t) => {
  const clock = new ManualClock();
  const brakes = new Brakes({ clock, ...limits });
  for (let attempt = 0; attempt < 5; attempt += 1) brakes.count('a');
  clock.move(60_000);
  t.is(brakes.waitMs('a'), 0);
  brakes.count('a');
  t.is(brakes.waitMs('a'), 0, 'it begins anew');
  for (let attempt = 0; attempt < 5; attempt += 1) brakes.count('a');
  brakes.forgive('a');
  t.is(brakes.waitMs('a'), 0);
});

test('an attempt that was no guess is taken back', (t) => {
  const brakes = new Brakes({ clock: new ManualClock(), ...limits });
  for (let attempt = 0; attempt < 50; attempt += 1) {
    t.is(brakes.waitMs('a'), 0);
    brakes.count('a');
    brakes.uncount('a');
  }
  t.is(brakes.size, 0);
});

test('so many subjects are remembered and no more, the newest of them', (t) => {
  const brakes = new Brakes({ clock: new ManualClock(), ...limits, mostSubjects: 10 });
  for (let subject = 0; subject < 1_000; subject += 1)
    for (let attempt = 0; attempt < 3; attempt += 1) brakes.count(`s${subject}`);
  t.is(brakes.size, 10);
  t.is(brakes.waitMs('s999'), 1_000);
  t.is(brakes.waitMs('s0'), 0);
});

test('guesses at one account are braked whatever the address, and guesses from one address whatever the account', (t) => {
  const clock = new ManualClock();
  const account = new GuessBrakes(clock);
  for (let guess = 0; guess < 5; guess += 1) account.signIn('ada@example.org', `192.0.2.${guess}`);
  const error = t.throws(() => account.signIn('ada@example.org', '192.0.2.99'), {
    message: /try again in 1 s/,
  });
  t.like(error, { code: 'RATE_LIMITED', retryAfterSeconds: 1 });
  t.notThrows(() => account.signIn('bob@example.org', '192.0.2.99'));

  const address = new GuessBrakes(clock);
  for (let guess = 0; guess < 20; guess += 1) address.signIn(`${guess}@example.org`, '192.0.2.1');
  t.throws(() => address.signIn('ada@example.org', '192.0.2.1'), { message: /Too many attempts/ });
  t.throws(() => address.signIn('ada@example.org', '::ffff:192.0.2.1'), { message: /Too many attempts/ });
  t.notThrows(() => address.signIn('ada@example.org', '192.0.2.2'));
});

test('all addresses of one IPv6 network are one address', (t) => {
  const brakes = new GuessBrakes(new ManualClock());
  for (let guess = 0; guess < 20; guess += 1) brakes.signIn(`${guess}@example.org`, `2001:db8:1:2::${guess}`);
  t.throws(() => brakes.signIn('ada@example.org', '2001:0db8:0001:0002:ffff::1'));
  t.notThrows(() => brakes.signIn('ada@example.org', '2001:db8:1:3::1'));
});

test('registrations from one address are braked', (t) => {
  const clock = new ManualClock();
  const brakes = new GuessBrakes(clock);
  for (let registration = 0; registration < 30; registration += 1) brakes.register('192.0.2.1');
  t.throws(() => brakes.register('192.0.2.1'), { message: /try again in 1 s/ });
  t.notThrows(() => brakes.register('192.0.2.2'));
  clock.move(1_000);
  t.notThrows(() => brakes.register('192.0.2.1'));
});
