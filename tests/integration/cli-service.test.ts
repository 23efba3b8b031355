/**
 * `glambdar service`: the unit is read by systemd itself, and installed by the real systemctl, in a mount namespace whose
 * directories of units are empty and its own. No server is started: no systemd runs in there.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { integration, integrationEnabled } from '../helpers/integration.js';
import type { Ended } from '../helpers/command-line.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'glambdar-service-'));
/** The program lies where everything has a meaning for systemd that can have one. */
const home = join(folder, 'a "b" %h $c');
const program = join(home, 'scripts/glambdar.mjs');
const SYSTEMD = '/lib/systemd/systemd';

if (integrationEnabled)
  test.before('the program is copied to a path with blanks and signs', () => {
    for (const path of ['dist', 'scripts/glambdar.mjs', 'package.json', 'node_modules/commander'])
      cpSync(join(root, path), join(home, path), { recursive: true });
    chmodSync(folder, 0o755);
  });
test.after.always('the folder is removed', () => rmSync(folder, { recursive: true, force: true }));

/** Runs a program to its end, whatever its code. */
function run(file: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, ...env } };
    execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

const service = (...args: string[]): Promise<Ended> => run(process.execPath, [program, 'service', ...args]);

/** Why something is not tried here, or null. */
function missing(...programs: string[]): string | null {
  const absent = programs.find((name) => spawnSync(name, ['--version']).error !== undefined);
  if (absent !== undefined) return `there is no ${absent} here`;
  return process.getuid?.() === 0 ? null : 'it takes root';
}

/** Runs commands of bash where systemd's directories are empty; `$SERVICE` begins a command of the program. */
function inNamespace(commands: string): Promise<Ended> {
  const setUp =
    'set -e; mount -t tmpfs none /etc/systemd/system; mkdir -p /run/systemd; mount -t tmpfs none /run/systemd; ';
  return run('unshare', ['--mount', 'bash', '-c', `${setUp}${commands}`, process.execPath, program], {
    // systemctl changes files, and says that it leaves starting and stopping to a systemd that runs.
    SYSTEMD_OFFLINE: '1',
  });
}

const SERVICE = '"$0" "$1" service';

integration('the unit that is printed has the flags as variables, and leaves time to stop', async (t) => {
  const plain = await service('install', '--print');
  const json = JSON.parse((await service('install', '--print', '--json')).stdout);
  t.is(json.unit, plain.stdout);
  t.is(json.file, '/etc/systemd/system/glambdar.service');
  t.is(plain.code, 0, plain.stderr);
  t.regex(plain.stdout, /^Nice=-5$/m);
  t.regex(plain.stdout, /^TimeoutStopSec=60$/m);
  t.regex(plain.stdout, /^Requires=docker\.service$/m);
  t.deepEqual(plain.stdout.match(/^Environment=.*$/gm), ['Environment="GLAMBDAR_DIR=/var/lib/glambdar"']);
  const flags = ['--port', '9000', '--auth', 'on', '--nice', '3', '--shutdown-ms', '90500'];
  const { stdout } = await service('install', '--print', '--docker-host', 'tcp://127.0.0.1:2375', ...flags);
  t.regex(stdout, /^Nice=3$/m);
  t.regex(stdout, /^TimeoutStopSec=121$/m);
  t.notRegex(stdout, /docker\.service/);
  t.deepEqual(stdout.match(/^Environment=.*$/gm), [
    'Environment="GLAMBDAR_DIR=/var/lib/glambdar"',
    'Environment="GLAMBDAR_PORT=9000"',
    'Environment="GLAMBDAR_AUTH=on"',
    'Environment="DOCKER_HOST=tcp://127.0.0.1:2375"',
    'Environment="GLAMBDAR_SHUTDOWN_MS=90500"',
  ]);
  t.is(
    (await service('uninstall', '--print')).stdout,
    'systemctl stop glambdar.service\nsystemctl disable glambdar.service\n' +
      'rm /etc/systemd/system/glambdar.service\nsystemctl daemon-reload\n',
  );
});

integration(
  'flags that the server would refuse, and a secret that everybody could read, are refused',
  async (t) => {
    for (const [args, said] of [
      [['--port', 'x'], /^glambdar: --port is "x"; expected a whole number/],
      [['--nice', '20'], /^glambdar: --nice is "20"; expected a whole number from -20 to 19\./],
      [['--host', '0.0.0.0'], /^glambdar: --host is "0\.0\.0\.0", and accounts are off/],
      [['--dir', '/a\nb'], /^glambdar: .*control characters/],
      [['--token-secret', 'x'.repeat(40)], /^error: unknown option '--token-secret'/],
    ] as const) {
      const { code, stdout, stderr } = await service('install', '--print', ...args);
      t.is(code, 2, stderr);
      t.regex(stderr, said);
      t.is(stdout, '');
    }
  },
);

integration('systemd reads from the unit what was meant, whatever signs the paths have', async (t) => {
  const dir = join(folder, 'da "ta\\ %n $HOME');
  const units = join(folder, 'units');
  mkdirSync(units);
  const { stdout: unit, stderr } = await service('install', '--print', '--dir', dir, '--log-level', 'warn');
  t.true(unit.includes('$$c'), unit + stderr);
  writeFileSync(join(units, 'glambdar.service'), unit);
  if (spawnSync('systemd-analyze', ['--version']).error)
    t.log('systemd-analyze is not here: nothing verifies');
  else {
    const verified = await run('systemd-analyze', ['verify', join(units, 'glambdar.service')]);
    t.deepEqual([verified.code, verified.stderr], [0, '']);
  }
  const reason = missing(SYSTEMD, 'setpriv');
  if (reason !== null) return void t.log(`systemd is not asked what it has read: ${reason}`);
  // In test mode systemd reads the units, shows what it has read, and ends. It does not run so as root.
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const read = await run('setpriv', [...nobody, SYSTEMD, '--system', '--test', '--unit=glambdar.service'], {
    SYSTEMD_UNIT_PATH: `${units}:/lib/systemd/system`,
  });
  const [, told = ''] = /^\t*-> Unit glambdar\.service:\n([^]*?)^\t*-> Unit /m.exec(read.stdout) ?? [];
  const has = (line: string): void => {
    t.true(
      told.split('\n').some((one) => one.trim() === line),
      `${line}\n${told}`,
    );
  };
  has(`Environment: GLAMBDAR_DIR=${dir}`);
  has('Environment: GLAMBDAR_LOG_LEVEL=warn');
  has('Nice: -5');
  has('OOMScoreAdjust: -500');
  has('Restart: always');
  has('TimeoutStopSec: 1min');
  const [, line = ''] = /^\s*Command Line: (.*)$/m.exec(told) ?? [];
  // It is shown quoted, and with the dollar that is to be taken for itself still doubled.
  t.is(
    line.replaceAll(/[\\"]/g, '').replaceAll('$$', '$'),
    `${process.execPath} ${home}/dist/src/cli/main.js start`.replaceAll('"', ''),
  );
});

integration(
  'install writes the unit and enables it, install again changes it, uninstall removes both',
  async (t) => {
    const reason = missing('systemctl', 'unshare');
    if (reason !== null) return void t.log(`installing is not tried: ${reason}`);
    const list = 'find /etc/systemd/system -mindepth 1 -not -type d | sort';
    const { code, stdout, stderr } = await inNamespace(`
    mkdir /run/systemd/system
    ${SERVICE} install
    ${list}
    stat -c %a /etc/systemd/system/glambdar.service
    ${SERVICE} install --port 9000
    grep -c GLAMBDAR_PORT=9000 /etc/systemd/system/glambdar.service
    ${SERVICE} uninstall
    ${list}
    ${SERVICE} uninstall || echo "code $?"`);
    t.is(code, 0, stderr);
    t.is(
      stdout,
      `✓ the service is installed; \`journalctl -u glambdar\` shows its log
/etc/systemd/system/glambdar.service
/etc/systemd/system/multi-user.target.wants/glambdar.service
644
✓ the service is installed; \`journalctl -u glambdar\` shows its log
1
✓ the service is uninstalled; its data is still there
code 4
`,
    );
    t.regex(
      stderr,
      /^glambdar: There is no \/etc\/systemd\/system\/glambdar\.service: the service is not installed\.\n$/m,
    );
  },
);

integration('install and uninstall say what is missing: systemd, root, a systemctl that works', async (t) => {
  const reason = missing('unshare', 'setpriv');
  if (reason !== null) return void t.log(`the refusals are not tried: ${reason}`);
  const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
  const { stdout, stderr } = await inNamespace(`
    ${SERVICE} install || echo "without systemd $?"
    mkdir /run/systemd/system
    ${nobody} ${SERVICE} install || echo "without root $?"
    ${nobody} ${SERVICE} uninstall || echo "without root $?"
    PATH=/nowhere ${SERVICE} install || echo "without systemctl $?"`);
  t.is(stdout, 'without systemd 1\nwithout root 5\nwithout root 5\nwithout systemctl 1\n', stderr);
  t.regex(stderr, /systemd does not run this machine; `(npx )?glambdar service install --print` shows/);
  t.regex(
    stderr,
    /Writing \S+ needs root; run it with sudo\.\nglambdar: Removing \S+ needs root; run it with sudo\./,
  );
  t.regex(stderr, /systemctl could not be started: spawnSync systemctl ENOENT\./);
});
