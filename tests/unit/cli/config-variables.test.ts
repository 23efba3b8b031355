import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { readConfig } from '../../../src/config.js';
import { CONFIG_VARIABLES } from '../../../src/config-variables.js';

/** Read, but no setting that an operator should know: they belong to clients, to Docker's own programs, and to tests. */
const NOT_LISTED = ['DOCKER_CONFIG', 'GLAMBDAR_FAULT'];

test('the list of variables names exactly those that the configuration reads', (t) => {
  const read = new Set<string>();
  readConfig(
    new Proxy(
      {},
      {
        get: (_, name) => {
          read.add(String(name));
          return undefined;
        },
      },
    ),
  );
  for (const name of NOT_LISTED) read.delete(name);
  t.deepEqual(CONFIG_VARIABLES.map(({ name }) => name).sort(), [...read].sort());
});

test('the pages made from commands and variables are up to date', async (t) => {
  const root = join(import.meta.dirname, '../../..');
  const script = join(root, 'scripts/reference-docs.mjs');
  await t.notThrowsAsync(
    promisify(execFile)(process.execPath, ['--import=tsx', script, '--check'], { cwd: root }),
  );
});
