/** The command line against a server with accounts: signing in, keys, secrets, versions, backups, completion. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import AdmZip from 'adm-zip';
import test from 'ava';
import { CommandLine } from '../helpers/command-line.js';
import { integration } from '../helpers/integration.js';
import { serverForFile } from '../helpers/server-process.js';

const PASSWORD = 'canary-password-77ab';
const SECRET = 'canary-secret-19c4';
const server = serverForFile({ env: { GLAMBDAR_AUTH: 'on', GLAMBDAR_UID_BASE: '860000' } });
const line = new CommandLine(() => server().url);
test.after.always('the folder is removed', () => line.remove());

const profiles = (): string => join(line.folder, 'config/glambdar/profiles.json');

/** Writes a function that answers with an expression, and deploys it. */
async function deploy(name: string, expression: string) {
  mkdirSync(join(line.folder, name), { recursive: true });
  writeFileSync(join(line.folder, name, 'index.js'), `exports.handler = () => ({ body: ${expression} });`);
  return line.run(['deploy', name]);
}

integration('register, whoami, logout and login keep a token that only its owner may read', async (t) => {
  const made = await line.run(['register', '--email', 'ada@example.org'], { input: `${PASSWORD}\n` });
  t.is(made.code, 0, made.stderr);
  t.true(made.stdout.includes(`Commands speak to ${server().url} from now on`), made.stdout);
  t.is(statSync(profiles()).mode & 0o777, 0o600);
  const { token } = JSON.parse(readFileSync(profiles(), 'utf8')).default;
  t.false(`${made.stdout}${made.stderr}`.includes(token));
  const who = await line.run(['whoami']);
  t.is(who.code, 0, who.stderr);
  t.true(who.stdout.includes('ada@example.org'), who.stdout);
  t.false(who.stdout.includes('[object'), who.stdout);

  const out = await line.run(['logout']);
  t.is(out.code, 0, out.stderr);
  t.false(readFileSync(profiles(), 'utf8').includes(token));
  t.not((await line.run(['whoami'])).code, 0);
  t.not((await line.run(['whoami'], { env: { GLAMBDAR_TOKEN: token } })).code, 0);
  const wrong = await line.run(['login', '-e', 'ada@example.org'], { input: 'another-password' });
  t.is(wrong.code, 5);
  t.regex(wrong.stderr, /^glambdar: The e-mail or the password is wrong\. /);
  const back = await line.run(['login', '-e', 'ada@example.org'], { input: PASSWORD });
  t.is(back.code, 0, back.stderr);
});

integration('keys are made, listed, changed and ended, and sign in a profile of their own', async (t) => {
  const made = JSON.parse((await line.run(['keys', 'create', 'ci', '--role', 'deployer', '--json'])).stdout);
  t.regex(made.key, /^glm_/);
  const signedIn = await line.run(['login', '--key', '--profile', 'ci'], { input: made.key });
  t.is(signedIn.code, 0, signedIn.stderr);
  const list = (...args: string[]) => line.run(['list', '--profile', 'ci', ...args]);
  t.is((await list()).code, 0);
  const changed = await line.run(['keys', 'change', made.id, '--name', 'robot', '--role', 'viewer']);
  t.is(changed.code, 0, changed.stderr);
  t.regex((await line.run(['keys', 'list'])).stdout, /robot +viewer/);
  t.is((await line.run(['keys', 'rm', made.id])).code, 0);
  t.not((await list()).code, 0);
});

integration(
  'the beginning of an id names a key where it is long enough and means one key alone',
  async (t) => {
    const create = async (name: string) =>
      JSON.parse((await line.run(['keys', 'create', name, '--role', 'viewer', '--json'])).stdout);
    const { id, key } = await create('short');
    const other = await create('other');
    const start = id.slice(0, 8);
    t.is((await line.run(['keys', 'change', start, '--name', 'renamed'])).code, 0);
    t.regex((await line.run(['keys', 'list'])).stdout, new RegExp(`^${id}  renamed `, 'm'));
    const tooShort = await line.run(['keys', 'rm', id.slice(0, 5)]);
    t.is(tooShort.code, 2);
    t.true(tooShort.stderr.includes('write 6 of its characters or more'), tooShort.stderr);
    const unknown = await line.run(['keys', 'rm', 'other']);
    t.is(
      unknown.stderr,
      `glambdar: No key has the id "other". A key that is called so has the id ${other.id}. \`glambdar keys list\` shows the ids.\n`,
    );
    t.is(unknown.code, 4);
    const several = await line.run(['keys', 'rm', start, 'ffffff', other.id]);
    t.is(several.stdout, `✓ key ${id} has ended\n✓ key ${other.id} has ended\n`);
    t.regex(several.stderr, /^✗ ffffff: No key has the id "ffffff"\. /);
    t.is(several.code, 4);
    t.is((await line.run(['whoami'], { env: { GLAMBDAR_TOKEN: key } })).code, 5);
  },
);

integration('a profile’s token goes to its own server only', async (t) => {
  const elsewhere = server().url.replace('127.0.0.1', 'localhost');
  const other = await line.run(['whoami', '--server', elsewhere]);
  t.not(other.code, 0);
  const { token } = JSON.parse(readFileSync(profiles(), 'utf8')).default;
  const own = await line.run(['whoami', '--server', elsewhere], { env: { GLAMBDAR_TOKEN: token } });
  t.is(own.code, 0, own.stderr);
});

integration('secrets come from stdin and are never shown', async (t) => {
  t.is((await deploy('kept', "process.env.WORD === 'canary-secret-19c4'")).code, 0);
  const set = await line.run(['secrets', 'set', 'kept', 'WORD'], { input: `${SECRET}\n` });
  t.is(set.code, 0, set.stderr);
  const list = await line.run(['secrets', 'list', 'kept']);
  t.is(list.stdout, 'WORD\n');
  t.is((await line.run(['invoke', 'kept'])).stdout, 'true');
  const removed = await line.run(['secrets', 'rm', 'kept', 'WORD']);
  t.is(removed.code, 0, removed.stderr);
  t.is((await line.run(['invoke', 'kept'])).stdout, 'false');
  t.false(`${set.stdout}${set.stderr}${list.stderr}${removed.stdout}`.includes(SECRET));
});

integration('versions are listed, gone back to, and downloaded', async (t) => {
  t.is((await deploy('aged', '1')).code, 0);
  t.is((await deploy('aged', '2')).code, 0);
  const listed = await line.run(['versions', 'aged']);
  t.regex(listed.stdout, / 2 +\S.*live *$/m);
  t.regex(listed.stdout, / 1 +\S/);
  const back = await line.run(['rollback', 'aged', '1']);
  t.is(back.code, 0, back.stderr);
  t.is((await line.run(['invoke', 'aged'])).stdout, '1');
  const got = await line.run(['download', 'aged', '--version', '2']);
  t.is(got.code, 0, got.stderr);
  const code = new AdmZip(join(line.folder, 'aged-v2.zip')).readAsText('index.js');
  t.true(code.includes('body: 2'));
  t.is((await line.run(['download', 'aged', '--version', '2'])).code, 2);
  t.is((await line.run(['download', 'aged', '--version', '2', '--force'])).code, 0);
  const open = await line.run(['config', 'aged', 'public=true']);
  t.regex(
    open.stderr,
    /^aged is public on the listener for functions .*only where it belongs to the namespace default\.\n$/,
  );
  const scope = await line.run(['keys', 'create', 'wrong', '--scope', 'aged']);
  t.is(scope.stderr, 'glambdar: --scope is "aged"; write invoke:FUNCTION, such as invoke:aged.\n');
});

integration('backup writes a file that restore fills a new directory from', async (t) => {
  const backup = await line.run(['backup', 'all.backup', '--dir', server().dir]);
  t.is(backup.code, 0, backup.stderr);
  t.regex(backup.stdout, /^\d+ functions? backed up to all\.backup\.\n$/);
  const again = await line.run(['backup', 'all.backup', '--dir', server().dir]);
  t.is(again.code, 2);
  t.true(again.stderr.includes('write over it with --force'), again.stderr);
  t.is((await line.run(['backup', 'all.backup', '--force', '--dir', server().dir])).code, 0);
  const restored = await line.run(['restore', 'all.backup', 'restored']);
  t.is(restored.code, 0, restored.stderr);
  t.true(statSync(join(line.folder, 'restored/glambdar.db')).size > 0);
  t.is((await line.run(['restore', 'all.backup', 'restored'])).code, 1);
});

integration('bash completes commands and options by the script', async (t) => {
  const { stdout } = await line.run(['completion', 'bash']);
  writeFileSync(join(line.folder, 'complete.bash'), stdout);
  const complete = async (...words: string[]) => {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _glambdar; echo "\${COMPREPLY[@]}"`;
    const args = ['-c', script, 'bash', join(line.folder, 'complete.bash'), 'glambdar', ...words];
    return (await promisify(execFile)('bash', args)).stdout.trim().split(' ');
  };
  t.deepEqual(await complete('roll'), ['rollback']);
  t.deepEqual(await complete('keys', 'cr'), ['create']);
  t.deepEqual(await complete('keys', 'create', '--ro'), ['--role']);
});
