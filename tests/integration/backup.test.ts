/** A backup of a server under load, restored into another directory, on which another server starts. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { integration } from '../helpers/integration.js';
import { ServerProcess, serverForFile } from '../helpers/server-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const server = serverForFile({ env: { GLAMBDAR_STANDBY: '2', GLAMBDAR_UID_BASE: '800000' } });

async function admin(dir: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import=tsx', join(root, 'src/admin.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: dir, GLAMBDAR_DIR: dir },
    timeout: 60_000,
  });
  return stdout;
}

integration(
  'a backup under load has every function whole, with its secrets, versions and records',
  async (t) => {
    t.timeout(120_000);
    const folder = mkdtempSync(join(tmpdir(), 'glambdar-backup-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const says = (text: string) =>
      `exports.handler = async () => ({ body: ['${text}', process.env.WORD ?? null] });`;
    for (const version of [1, 2]) await server().deployed('steady', says(`steady ${version}`));
    const secret = { method: 'PUT', body: 'hidden' };
    t.is((await server().request('/functions/steady/secrets/WORD', secret)).status, 204);
    t.is((await server().invoke('steady')).text, '["steady 2","hidden"]');

    // Deploys and calls go on for as long as the backup is made.
    let isOver = false;
    let deploys = 0;
    let calls = 0;
    const load = Promise.all([
      (async () => {
        while (!isOver) {
          await server().deployed('busy', says(`busy ${deploys}`));
          deploys += 1;
        }
      })(),
      (async () => {
        while (!isOver) {
          if ((await server().invoke('steady')).status !== 200) throw new Error('a call failed');
          calls += 1;
        }
      })(),
    ]);
    const file = join(folder, 'backup.tar.gz');
    const said = await admin(server().dir, 'backup', file);
    isOver = true;
    await load;
    t.regex(said, /^[12] functions? backed up to /);
    t.true(deploys > 0 && calls > 0, `${deploys} deploys and ${calls} calls meanwhile`);

    const other = await ServerProcess.start({ env: { GLAMBDAR_STANDBY: '1', GLAMBDAR_UID_BASE: '830000' } });
    t.teardown(() => other.destroy());
    await other.stop();
    rmSync(other.dir, { recursive: true });
    t.regex(await admin(folder, 'restore', file, other.dir), /^[12] functions? of .* restored\./);
    await other.restart();
    t.is((await other.invoke('steady')).text, '["steady 2","hidden"]');
    t.true((await other.request('/logs/steady')).json.length > 1);
    const rollback = {
      method: 'POST',
      body: '{"version":1}',
      headers: { 'content-type': 'application/json' },
    };
    t.is((await other.request('/functions/steady/rollback', rollback)).status, 200);
    t.is((await other.invoke('steady')).text, '["steady 1","hidden"]');
    if (said.startsWith('2')) t.regex((await other.invoke('busy')).text, /^\["busy \d+",null\]$/);
    t.not(other.dirId, server().dirId);
  },
);
