/** What the real program says to command lines that other programs would take: it names what to type. No server answers. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from '../../helpers/temporary-directory.js';

const root = join(import.meta.dirname, '../../..');
/** A port on which nothing listens. */
const NOWHERE = 'http://127.0.0.1:9';

function refusal(args: string[], cwd = root): { status: number | null; stderr: string } {
  return spawnSync(
    process.execPath,
    [`--import=${import.meta.resolve('tsx')}`, join(root, 'src/cli/main.ts'), ...args],
    {
      cwd,
      encoding: 'utf8',
      input: '',
      env: {
        PATH: process.env['PATH'],
        HOME: cwd,
        XDG_CONFIG_HOME: join(cwd, 'no-config'),
        GLAMBDAR_URL: NOWHERE,
        npm_command: 'exec',
      },
    },
  );
}

for (const [title, args, sentence, status] of [
  [
    'JSON behind the name',
    ['invoke', 'mine', '{"name":"Ada"}'],
    /follows -d: `npx glambdar invoke mine -d '/,
    2,
  ],
  ['a pair behind the name', ['invoke', 'hello', 'name=Ada'], /follows -d: /, 2],
  ['a URL of the server', ['invoke', `${NOWHERE}/invoke/mine`], /No server answers/, 3],
  ['a path of the server', ['invoke', '/invoke/mine'], /No server answers/, 3],
  [
    'a URL of another server',
    ['invoke', 'http://example.org/invoke/mine?a=1'],
    /`npx glambdar invoke mine\?a=1 --server http:\/\/example\.org`/,
    2,
  ],
  [
    'a file that is not there',
    ['invoke', 'mine', '-d', 'input.json'],
    /There is no file input\.json; -d takes/,
    2,
  ],
  ['secrets with a function alone', ['secrets', 'mine'], /No server answers/, 3],
  ['remove', ['remove', 'mine'], /unknown command 'remove'\n\(Did you mean rm\?\)\n/, 2],
  ['update', ['update', 'mine'], /\(Did you mean deploy\?\)/, 2],
  ['run', ['run', 'mine'], /\(Did you mean invoke\?\)/, 2],
  ['call', ['call', 'mine'], /\(Did you mean invoke\?\)/, 2],
  ['new', ['new', 'mine'], /\(Did you mean init\?\)/, 2],
  ['remove in a group', ['keys', 'remove', 'x'], /\(Did you mean rm\?\)/, 2],
  ['a file for dev', ['dev', 'examples/README.json'], /There is no folder or archive/, 2],
  ['a code file for dev', ['dev', 'package.json'], /name its folder: `npx glambdar dev`/, 2],
  [
    'login without a terminal',
    ['login'],
    /`npx glambdar login --email EMAIL < FILE`.*--password.*--key < FILE/,
    2,
  ],
  [
    'register without a terminal',
    ['register'],
    /`npx glambdar register --email EMAIL < FILE`.*--password\.\n/,
    2,
  ],
] as const)
  test(`the program says what to type to ${title}`, (t) => {
    const told = refusal([...args]);
    t.regex(told.stderr, sentence);
    t.is(told.status, status, told.stderr);
  });

test('a folder whose name is no name of a function is refused with --name, before anything is sent', (t) => {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, 'my func'));
  mkdirSync(join(folder, 'here'));
  for (const verb of ['deploy', 'dev']) {
    const told = refusal([verb, '../my func'], join(folder, 'here'));
    t.true(told.stderr.includes(`\`npx glambdar ${verb} '../my func' --name NAME\``), told.stderr);
    t.is(told.status, 2);
  }
});

test('programs get the command that was meant in the JSON', (t) => {
  t.regex(String(JSON.parse(refusal(['remove', 'x', '--json']).stderr).error), /\(Did you mean rm\?\)/);
});
