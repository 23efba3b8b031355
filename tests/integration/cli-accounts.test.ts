/** The command line against a server with accounts: signing in, keys, secrets, versions, backups, what admins do, completion. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import AdmZip from 'adm-zip';
import test from 'ava';
import { CommandLine, PROGRAM } from '../helpers/command-line.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, until } from '../helpers/server-process.js';

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

integration('dev ends when the server does not know the user, and says how to sign in', async (t) => {
  mkdirSync(join(line.folder, 'unknown'), { recursive: true });
  writeFileSync(join(line.folder, 'unknown/index.js'), 'exports.handler = () => ({});');
  const ended = await line.run(['dev', 'unknown'], { env: { GLAMBDAR_TOKEN: 'glm_wrong' } });
  t.is(ended.code, 5, ended.stderr);
  t.regex(ended.stderr, /`glambdar login`/);
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
  t.is((await line.run(['keys', 'change', made.id])).code, 2);
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

integration(
  'a profile that does not exist, or that others may read, is refused by every command',
  async (t) => {
    for (const [args, env] of [
      [['list', '--profile', 'nope'], {}],
      [['list', '--profile', 'nope', '--server', server().url], {}],
      [['logout', '--profile', 'nope'], {}],
      [['deploy', '--profile', 'nope'], {}],
      [['list'], { GLAMBDAR_PROFILE: 'nope' }],
    ] as const) {
      const refused = await line.run([...args], { env });
      t.is(refused.code, 2, args.join(' '));
      t.regex(refused.stderr, /^glambdar: There is no profile "nope"; there are default.* makes it\.\n$/);
      t.is(refused.stdout, '');
    }
    chmodSync(profiles(), 0o644);
    const open = await line.run(['whoami']);
    t.is(open.code, 2);
    t.is(
      open.stderr,
      `glambdar: ${profiles()} holds tokens and may be read by others (mode 0644); run \`chmod 600 ${profiles()}\`.\n`,
    );
    chmodSync(profiles(), 0o600);
    t.is((await line.run(['whoami'])).code, 0);
  },
);

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
  t.is((await line.run(['download', 'aged', '-o', '-'])).stdout.slice(0, 2), 'PK');
  const terminal = await line.runOnTerminal(['download', 'aged', '-o', '-']);
  t.is(terminal.code, 2);
  t.is(terminal.stdout, 'glambdar: A zip is no text for a terminal; write it to a file or into a pipe.\r\n');
  // The answer that is not read keeps nobody waiting.
  const began = performance.now();
  t.is((await line.run(['download', 'aged', '--version', '2'])).code, 2);
  t.true(performance.now() - began < 3_000);
  t.is((await line.run(['download', 'aged', '--version', '2', '--force'])).code, 0);
  const open = await line.run(['config', 'aged', 'public=true']);
  t.regex(
    open.stderr,
    /^note Everybody may call aged without a token or key, at http:\/\/127\.0\.0\.1:\d+\/invok?e?\/\S+: this server has no listener .*\n$/,
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
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await line.run([...args, '--json']);
    return { code, ...JSON.parse(code === 0 ? stdout : stderr) };
  };
  const made = await json('backup', 'json.backup', '--dir', server().dir);
  t.like(made, { code: 0, file: 'json.backup' });
  t.like(await json('restore', 'json.backup', 'restored-json'), {
    code: 0,
    directory: 'restored-json',
    functions: made.functions,
  });
  t.regex((await json('restore', 'json.backup', 'restored-json')).error, /restored-json/);
  t.regex((await json('backup', 'json.backup')).error, /is there already/);
});

/** Runs a command with the admin key that the server's first start has shown. */
async function asAdmin(...args: string[]) {
  const [, key = ''] = /^Admin key, shown this once: (\S+)$/m.exec(server().stdout) ?? [];
  return line.run(args, { env: { GLAMBDAR_TOKEN: key } });
}

/** UUID of the user that is signed in. */
async function ownUuid(): Promise<string> {
  return (JSON.parse((await line.run(['whoami', '--json'])).stdout) as { id: string }).id;
}

integration('an admin lists users, and changes what they may', async (t) => {
  const uuid = await ownUuid();
  t.regex(
    (await asAdmin('users', 'list')).stdout,
    new RegExp(`^${uuid} +ada@example\\.org +deployer +no +20`, 'm'),
  );
  const changed = await asAdmin('users', 'change', 'Ada@example.org', '--may-bridge', 'on', '--json');
  t.like(JSON.parse(changed.stdout), { uuid, mayBridge: true, role: 'deployer' });
  t.is((await asAdmin('users', 'change', uuid, '--role', 'viewer')).stdout, '✓ ada@example.org is changed\n');
  t.is((await deploy('forbidden', '1')).code, 5);
  t.is((await asAdmin('users', 'change', uuid, '--role', 'deployer')).code, 0);
  t.is((await asAdmin('users', 'change', uuid, '--role', 'king')).code, 1);
  t.is((await asAdmin('users', 'change', uuid)).code, 2);
  t.is((await asAdmin('users', 'change', uuid, '--may-bridge', 'maybe')).code, 2);
  const nobody = await asAdmin('users', 'rm', 'nobody@example.org');
  t.is(nobody.code, 4);
  t.regex(nobody.stderr, /No user has the e-mail address nobody@example\.org; see `glambdar users list`\./);
  t.is((await line.run(['users', 'list'])).code, 5);
});

integration('an admin gives a namespace a quota, which its user sees and meets', async (t) => {
  const uuid = await ownUuid();
  t.is((await deploy('counted', '1')).code, 0);
  const functions = JSON.parse((await line.run(['list', '--json'])).stdout).length as number;
  const set = await asAdmin('quota', 'set', uuid, `functions=${functions}`, 'bundleBytes=3000000');
  t.is(
    set.stdout,
    `✓ ${uuid} may have functions ${functions}, bundleBytes 3.0 MB, concurrentCalls no limit, callsPerMinute no limit\n`,
  );
  const shown = (await line.run(['quota', 'show'])).stdout;
  t.regex(
    shown,
    new RegExp(
      `^PART +USED +QUOTA\nfunctions +${functions} +${functions}\nbundleBytes +\\S+ k?B +3\\.0 MB\nconcurrentCalls +0 +no limit\n`,
    ),
  );
  const refused = await deploy('one-more', '1');
  t.is(refused.code, 5);
  t.regex(refused.stderr, new RegExp(`${functions}`));
  t.regex(
    (await asAdmin('quota', 'list')).stdout,
    new RegExp(`^${uuid} +${functions} +3\\.0 MB +no limit +no limit$`, 'm'),
  );
  t.is((await line.run(['quota', 'set', uuid, 'functions=100'])).code, 5);
  t.is((await asAdmin('quota', 'set', uuid, 'functions')).code, 2);
  const unknown = await asAdmin('quota', 'set', uuid, 'function=1');
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /A quota has the parts functions, bundleBytes/);
  t.is((await asAdmin('quota', 'reset', uuid)).code, 0);
  t.is((await deploy('one-more', '1')).code, 0);
});

integration('an admin acts in the namespace of a user, and nobody else does', async (t) => {
  const uuid = await ownUuid();
  const inHers = ['--namespace', uuid];
  t.is((await deploy('hers', "'in her namespace'")).code, 0);
  t.notRegex((await asAdmin('list')).stdout, /hers/);
  t.regex((await asAdmin('list', ...inHers)).stdout, /^hers +1 /m);
  t.is((await asAdmin('invoke', 'hers', ...inHers)).stdout, '"in her namespace"');
  t.is((await asAdmin('config', 'hers', 'memoryMb=96', ...inHers)).code, 0);
  t.regex((await line.run(['info', 'hers'])).stdout, /^memoryMb +96$/m);
  t.is((await asAdmin('rm', 'hers', ...inHers)).code, 0);
  t.is((await line.run(['info', 'hers'])).code, 4);
  // Whoever is no admin has one namespace, whatever they write.
  t.not((await line.run(['list', '--namespace', 'default'])).code, 0);
});

integration('an admin reads the audit log, page by page', async (t) => {
  const text = (await asAdmin('audit')).stdout;
  t.regex(text, /^ *ID +TIME +WHO +ACTION +TARGET +NAMESPACE +ADDRESS +MORE\n/);
  t.regex(text, /^ *\d+ +20\S+ \S+ +user \S+ +function\.deploy +aged +\S+ +127\.0\.0\.1 +.*version 2/m);
  t.regex(text, / key \S+ +quota\.change /);
  t.regex(text, / operator +key\.create /);
  t.false(text.includes(SECRET));
  const page = async (...args: string[]) =>
    JSON.parse((await asAdmin('audit', '--json', ...args)).stdout) as { id: number }[];
  const [first, second] = await page('--limit', '2');
  t.deepEqual(await page('-l', '1', '--before', String(first?.id)), [second]);
  t.is((await asAdmin('audit', '--limit', 'all')).code, 2);
  t.is((await asAdmin('audit', '--limit', '1001')).code, 1);
  const refused = await line.run(['audit']);
  t.is(refused.code, 5);
  t.regex(refused.stderr, /whoami/);
});

integration(
  'login on a terminal asks for address and password, and does not show what is typed',
  async (t) => {
    const terminal = line.spawn(
      ['script', '--quiet', '--return', '--command', `'${process.execPath}' '${PROGRAM}' login`, '/dev/null'],
      { env: { TERM: 'xterm' } },
    );
    t.teardown(() => void terminal.kill('SIGKILL'));
    let shown = '';
    terminal.stdout?.setEncoding('utf8').on('data', (text: string) => (shown += text));
    await until('the address is asked for', () => shown.includes('E-mail: '));
    terminal.stdin?.write('ada@example.org\n');
    await until('the password is asked for', () => shown.includes('Password: '));
    const end = once(terminal, 'exit');
    terminal.stdin?.write(`${PASSWORD}\n`);
    t.deepEqual(await end, [0, null]);
    t.true(shown.includes('signed in to'), shown);
    t.false(shown.includes(PASSWORD));
  },
);

integration('an admin removes a user, whose functions and tokens go along', async (t) => {
  const other = ['--profile', 'other', '--server', server().url];
  const made = await line.run(['register', '-e', 'bob@example.org', ...other], { input: PASSWORD });
  t.is(made.code, 0, made.stderr);
  mkdirSync(join(line.folder, 'bobs'));
  writeFileSync(join(line.folder, 'bobs/index.js'), 'exports.handler = () => ({ body: 1 });');
  t.is((await line.run(['deploy', 'bobs', '--profile', 'other'])).code, 0);
  const removed = await asAdmin('users', 'rm', 'bob@example.org');
  t.is(removed.stdout, '✓ bob@example.org is removed, with 1 function\n', removed.stderr);
  t.is((await line.run(['list', '--profile', 'other'])).code, 5);
});

integration('reset-key ends the admin key of the first start, and prints another one', async (t) => {
  const reset = await line.run(['reset-key', '--dir', server().dir]);
  t.is(reset.code, 0, reset.stderr);
  t.regex(reset.stdout, /^glm_\S+\n$/);
  const token = { GLAMBDAR_TOKEN: reset.stdout.trim() };
  await until('the old key has ended', async () => (await asAdmin('users', 'list')).code === 5);
  t.is((await line.run(['users', 'list'], { env: token })).code, 0);
  const again = await line.run(['reset-key', '--json', '--dir', server().dir]);
  t.regex(JSON.parse(again.stdout).key, /^glm_/);
  t.is(again.stderr, '');
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
