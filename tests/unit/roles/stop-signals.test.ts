import test from 'ava';
import { StopSignals } from '../../../src/roles/stop-signals.js';
import { ManualClock } from '../../helpers/manual-clock.js';

test('the first signal stops, the next one hurries', (t) => {
  const clock = new ManualClock();
  const signals = new StopSignals(clock);
  t.is(signals.receive(), 'stop');
  clock.move(300);
  t.is(signals.receive(), 'hurry', 'pressed again quickly');
  clock.move(10);
  t.is(signals.receive(), 'ignore', 'the same key press, handed on by npm');
  clock.move(5_000);
  t.is(signals.receive(), 'hurry');
});

test('one key press that arrives twice, from the terminal and from npm, counts once', (t) => {
  const clock = new ManualClock();
  const signals = new StopSignals(clock);
  t.is(signals.receive(), 'stop');
  clock.move(199);
  t.is(signals.receive(), 'ignore');
  clock.move(1);
  t.is(signals.receive(), 'hurry');
});
