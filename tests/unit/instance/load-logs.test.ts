import test from 'ava';
import { LoadLogs } from '../../../src/instance/load-logs.js';

test('what a module printed is one piece a stream, and is taken once', (t) => {
  const logs = new LoadLogs();
  logs.sink('stderr', Buffer.from('a'));
  logs.sink('stdout', Buffer.from('b'));
  logs.sink('stderr', Buffer.from('c'));
  const told = (): string[] => logs.take().map(([stream, text]) => `${stream}:${text.toString()}`);
  t.deepEqual(told(), ['stderr:ac', 'stdout:b']);
  t.deepEqual(told(), []);
});
