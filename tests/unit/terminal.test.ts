import test from 'ava';
import { GlambdarError } from '../../src/errors.js';
import { emptyRecord } from '../../src/invocation/recorder.js';
import type { CallRecord } from '../../src/model/call/call.js';
import { Terminal } from '../../src/terminal.js';
import { ManualClock } from '../helpers/manual-clock.js';
import { record } from './store/builders.js';

function watched() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const terminal = new Terminal((line) => lines.push(line.replace(/^\d\d:\d\d:\d\d/, 'time')), clock);
  return { clock, lines, terminal };
}

const failed = (more: Partial<CallRecord> = {}): CallRecord => ({
  ...emptyRecord('id', record('todo')),
  outcome: 'function_error',
  status: 500,
  durationMs: 12.4,
  error: { code: 'FUNCTION_ERROR', message: 'no such key' },
  ...more,
});

test('a deploy is one line, and a change of settings of the same version none', (t) => {
  const { lines, terminal } = watched();
  terminal.deployed('todo', 1);
  terminal.deployed('todo', 1);
  terminal.deployed('todo', 2);
  t.deepEqual(lines, ['time  todo: version 1 is in force\n', 'time  todo: version 2 is in force\n']);
});

test('a failed call is told with its reason and the last lines of its log', (t) => {
  const { lines, terminal } = watched();
  const stdout = Array.from({ length: 9 }, (_, index) => `line ${index}\n`).join('');
  terminal.called(failed({ stdout, stderr: 'warned\u001b[31m\n' }));
  t.deepEqual(lines, [
    'time  todo failed with 500 after 12 ms: no such key\n',
    ...['line 5', 'line 6', 'line 7', 'line 8', 'warned [31m'].map((line) => `           | ${line}\n`),
  ]);
});

test('calls that succeed, and calls whose caller has gone, are not told', (t) => {
  const { lines, terminal } = watched();
  terminal.called(failed({ outcome: 'ok', error: null, status: 404 }));
  terminal.called(failed({ outcome: 'cancelled', status: 499 }));
  t.deepEqual(lines, []);
});

test('refusals of five seconds are counted in one line, failures of functions not among them', (t) => {
  const { clock, lines, terminal } = watched();
  terminal.refused(new GlambdarError('FUNCTION_NOT_FOUND', 'x'));
  terminal.refused(new GlambdarError('FUNCTION_NOT_FOUND', 'x'));
  terminal.refused(new GlambdarError('RATE_LIMITED', 'x'));
  terminal.refused(new GlambdarError('FUNCTION_ERROR', 'x'));
  clock.move(4_999);
  t.deepEqual(lines, []);
  clock.move(1);
  t.deepEqual(lines, ['time  refused 3 requests: 2 FUNCTION_NOT_FOUND, 1 RATE_LIMITED\n']);
  clock.move(20_000);
  t.is(lines.length, 1);
});

test('of many failed calls the first twenty are shown, and the others counted', (t) => {
  const { clock, lines, terminal } = watched();
  for (let count = 0; count < 1000; count += 1) terminal.called(failed());
  t.is(lines.length, 20);
  clock.move(5_000);
  t.is(lines.at(-1), 'time  980 more calls failed\n');
});
