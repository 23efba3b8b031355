import test from 'ava';
import { ownName, type Start } from '../../../src/cli/own-name.js';

const start = (more: Partial<Start>): Start => ({
  npmCommand: undefined,
  path: ['/usr/bin', '/usr/local/bin'],
  canRun: () => false,
  ...more,
});

test('commands are written with npx for a user who has no glambdar on the path, and without it for one who has', (t) => {
  t.is(ownName(start({})), 'npx glambdar');
  t.is(ownName(start({ canRun: (file) => file === '/usr/local/bin/glambdar' })), 'glambdar');
});

test('commands are written with npx for a user who has typed npx', (t) => {
  t.is(ownName(start({ npmCommand: 'exec', canRun: () => true })), 'npx glambdar');
});

test('the folders that npm puts on the path of its scripts are not those of the user', (t) => {
  const path = ['/work/app/node_modules/.bin', '/usr/bin'];
  const canRun = (file: string) => file.startsWith('/work/app/node_modules/.bin');
  t.is(ownName(start({ npmCommand: 'run-script', path, canRun })), 'npx glambdar');
});
