import test from 'ava';
import { GlambdarError } from '../../../src/errors.js';
import { emptyRecord } from '../../../src/invocation/recorder.js';
import type { CallRecord } from '../../../src/model/call/call.js';
import { Terminal } from '../../../src/roles/terminal.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { record } from '../store/builders.js';

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
  method: 'POST',
  path: '/invoke/todo',
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
    'time  todo failed with 500 after 12 ms (POST /invoke/todo): no such key\n',
    ...['line 5', 'line 6', 'line 7', 'line 8', 'warned [31m'].map((line) => `           | ${line}\n`),
  ]);
});

test('calls that succeed, and calls whose caller has gone, are not told', (t) => {
  const { lines, terminal } = watched();
  terminal.called(failed({ outcome: 'ok', error: null, status: 404 }));
  terminal.called(failed({ outcome: 'cancelled', status: 499 }));
  t.deepEqual(lines, []);
});

test('a deleted function is told, and its name may be deployed anew', (t) => {
  const { lines, terminal } = watched();
  terminal.deployed('todo', 1);
  terminal.deleted('todo');
  terminal.deployed('todo', 1);
  t.deepEqual(lines.slice(1), ['time  todo was deleted\n', 'time  todo: version 1 is in force\n']);
});

test('what doctor tries is not told, in no namespace, unless it fails', (t) => {
  const { lines, terminal } = watched();
  for (const name of ['glambdar-doctor-123', '3f0c1b1e-5b0e-4b0e-9b0e-000000000000/glambdar-doctor-123']) {
    terminal.deployed(name, 1);
    terminal.deleted(name);
  }
  t.deepEqual(lines, []);
  terminal.called(failed({ funcName: 'glambdar-doctor-123' }));
  terminal.deployed('glambdar-doctor-of-my-own', 1);
  t.deepEqual(lines, [
    'time  glambdar-doctor-123 failed with 500 after 12 ms (POST /invoke/todo): no such key\n',
    'time  glambdar-doctor-of-my-own: version 1 is in force\n',
  ]);
});

test('refusals of five seconds are counted by code, failures of functions not among them', (t) => {
  const { clock, lines, terminal } = watched();
  terminal.refused(new GlambdarError('RATE_LIMITED', 'too fast'));
  terminal.refused(new GlambdarError('FUNCTION_NOT_FOUND', 'x'));
  terminal.refused(new GlambdarError('FUNCTION_NOT_FOUND', 'not there'));
  terminal.refused(new GlambdarError('FUNCTION_ERROR', 'x'));
  clock.move(4_999);
  t.deepEqual(lines, []);
  clock.move(1);
  t.deepEqual(lines, [
    'time  refused 2 requests (FUNCTION_NOT_FOUND), the last one: not there\n',
    'time  refused a request (RATE_LIMITED): too fast\n',
  ]);
  clock.move(20_000);
  t.is(lines.length, 2);
});

test('a deploy of code that does not load is told at once, with the reason', (t) => {
  const { clock, lines, terminal } = watched();
  terminal.refused(new GlambdarError('LOAD_FAILED', 'The function does not load: x'));
  t.deepEqual(lines, ['time  a deploy was refused: The function does not load: x\n']);
  for (let count = 0; count < 30; count += 1) terminal.refused(new GlambdarError('INVALID_BUNDLE', 'no zip'));
  t.is(lines.length, 20);
  clock.move(5_000);
  t.is(lines.at(-1), 'time  refused 11 requests (INVALID_BUNDLE), the last one: no zip\n');
});

test('of many failed calls of a function three are shown, and all are counted', (t) => {
  const { clock, lines, terminal } = watched();
  for (let count = 0; count < 1000; count += 1) terminal.called(failed());
  terminal.called(failed({ funcName: 'other' }));
  t.is(lines.length, 4);
  clock.move(5_000);
  t.is(lines.length, 5);
  t.is(lines.at(-1), 'time  todo failed 1000 times in 5 s, the last time: no such key\n');
});

test('of many failing functions twenty are shown, and ten more are named', (t) => {
  const { clock, lines, terminal } = watched();
  for (let count = 0; count < 40; count += 1) terminal.called(failed({ funcName: `f${count}` }));
  t.is(lines.length, 20);
  clock.move(5_000);
  t.is(lines.length, 31);
  t.is(lines[20], 'time  f20 failed once in 5 s, the last time: no such key\n');
  t.is(lines.at(-1), 'time  calls of 10 more functions failed, too\n');
  terminal.called(failed());
  t.is(lines.length, 32);
});
