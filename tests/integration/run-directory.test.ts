/** A cleaner of temporary files goes through `run/` while the server serves. */
import { existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { integration } from '../helpers/integration.js';
import { serverForFile, until } from '../helpers/server-process.js';

const server = serverForFile({ env: { GLAMBDAR_STANDBY: '1' } });
const source = 'exports.handler = () => ({ body: "served" });';

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Removes the run directory, or a part of it, also while the server writes into it: what came meanwhile is removed, too. */
function removeTree(directory: string): void {
  rmSync(directory, { recursive: true, maxRetries: 20, retryDelay: 25 });
}

const damages: [what: string, damage: (workers: string) => void][] = [
  ['files of workers are emptied', (workers) => files(workers).forEach((file) => truncateSync(file))],
  ['files of workers are removed', (workers) => files(workers).forEach((file) => rmSync(file))],
  [
    'files of workers get another content',
    (workers) => files(workers).forEach((file) => writeFileSync(file, '//')),
  ],
  ['the directory of workers is removed', removeTree],
];

for (const [what, damage] of damages)
  integration(`calls are served by new containers after ${what}`, async (t) => {
    await server().deployed('damaged', source);
    await server().assertIdle(); // a container that is being started might find half of its files
    damage(join(server().dir, 'run/worker'));
    t.is((await server().request('/readyz')).status, 200);
    // More than were ready before, so that containers have to be started.
    for (let call = 0; call < 8; call += 1) {
      const startedAt = performance.now();
      const answer = await server().invoke('damaged');
      t.is(answer.status, 200, answer.text);
      t.true(performance.now() - startedAt < 5_000);
    }
  });

integration(
  'a run directory that cannot be repaired is said by /readyz at once, and its repair too',
  async (t) => {
    const workers = join(server().dir, 'run/worker');
    await server().deployed('damaged', source);
    const run = join(server().dir, 'run');
    await server().assertIdle(); // a container that is being started makes its directories again
    removeTree(run);
    writeFileSync(run, 'in the way');
    const answer = await server().request('/readyz');
    t.is(answer.status, 503);
    t.regex(answer.json.error, /Containers cannot be prepared/);
    rmSync(run);
    t.is((await server().request('/readyz')).status, 200);
    t.is(statSync(run).mode & 0o777, 0o700);
    t.true(existsSync(workers));
  },
);

integration('calls are served again after all of the run directory was removed', async (t) => {
  await server().deployed('damaged', source);
  await server().assertIdle();
  removeTree(join(server().dir, 'run'));
  // Containers that were ready have lost their slots and are used up one after the other.
  await until('a call is served', async () => (await server().invoke('damaged')).status === 200, 10_000);
  for (let call = 0; call < 8; call += 1) t.is((await server().invoke('damaged')).status, 200);
});
