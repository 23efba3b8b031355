/** The command line against a real server: each command as its user types it, some of them on a pseudo-terminal. */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AdmZip from 'adm-zip';
import test from 'ava';
import { CommandLine, PROGRAM } from '../helpers/command-line.js';
import { integration } from '../helpers/integration.js';
import { serverForFile, until } from '../helpers/server-process.js';

const server = serverForFile();
const line = new CommandLine(() => server().url);
test.after.always('the folder is removed', () => line.remove());

const ESCAPES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const greeting = (word: string): string =>
  `exports.handler = async (req) => { console.log('${word} \\u001b[31mred\\u001b]0;title\\u0007'); return { body: '${word}' }; };`;

/** Writes the files of a function into a folder. @returns its path */
function folderOf(name: string, files: Record<string, string>): string {
  const folder = join(line.folder, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

integration('init, deploy and invoke make a function that answers, for every template', async (t) => {
  const data = '{"name":"Ada"}';
  for (const template of ['js', 'esm', 'ts', 'faas', 'lambda', 'web']) {
    const name = `of-${template}`;
    const made = await line.run(['init', name, '--template', template]);
    t.is(made.code, 0, made.stderr);
    const deployed = await line.run(['deploy', name]);
    t.is(deployed.code, 0, deployed.stderr);
    t.true(deployed.stdout.includes(`${name} version 1 is live: ${server().url}/invoke/${name}\n`));
    const answer = await line.run(['invoke', name, '-d', data]);
    t.deepEqual(JSON.parse(answer.stdout), { message: 'Hello, Ada!' }, `${template}: ${answer.stdout}`);
    // What the author edits is what runs.
    const source = readdirSync(join(line.folder, name)).find((file) => file.startsWith('index.')) ?? '';
    const path = join(line.folder, name, source);
    writeFileSync(path, readFileSync(path, 'utf8').replace('Hello', 'Bye'));
    t.is((await line.run(['deploy', name])).code, 0);
    t.regex((await line.run(['invoke', name, '-d', data])).stdout, /Bye, Ada!/, template);
  }
  const next = await line.run(['init', 'next']);
  t.true(next.stdout.includes('Next: glambdar dev next '), next.stdout);
  const npx = await line.run(['init', 'with-npx'], { env: { npm_command: 'exec' } });
  t.true(npx.stdout.includes('Next: npx glambdar dev with-npx '), npx.stdout);
  const again = await line.run(['init', 'of-js']);
  t.is(again.code, 2);
  t.true(again.stderr.includes('is there already'));
});

integration('deploy leaves out what the ignore files name, and takes settings and a name', async (t) => {
  folderOf('ignoring', {
    'index.js': "exports.handler = () => ({ body: require('node:fs').readdirSync(__dirname).sort() });",
    'secret.txt': 'x',
    'sub/kept.txt': 'x',
    'sub/left.txt': 'x',
    'sub/.gitignore': 'left.txt\n',
    '.gitignore': '*.txt\n!kept.txt\n',
    '.git/config': 'x',
  });
  const deployed = await line.run([
    'build',
    'ignoring',
    '--name',
    'other',
    '--set',
    'memoryMb=192',
    '--json',
  ]);
  t.is(deployed.code, 0, deployed.stderr);
  t.like(JSON.parse(deployed.stdout), { function: 'other', status: 'deployed', version: 1 });
  t.deepEqual(JSON.parse((await line.run(['invoke', 'other'])).stdout), ['index.js', 'sub']);
  t.is((await server().request('/info/other')).json.settings.memoryMb, 192);
  // The same files make the same bytes.
  const again = JSON.parse((await line.run(['deploy', 'ignoring', '-n', 'other', '--json'])).stdout);
  t.is(again.digest, JSON.parse(deployed.stdout).digest);

  writeFileSync(join(line.folder, 'ignoring/.glambdarignore'), 'sub\n');
  t.is((await line.run(['deploy', 'ignoring', '-n', 'other'])).code, 0);
  t.deepEqual(JSON.parse((await line.run(['invoke', 'other'])).stdout), ['index.js', 'secret.txt']);
});

integration(
  'deploy takes an archive, and shows the place of a mistake in code that does not load',
  async (t) => {
    const zip = new AdmZip();
    zip.addFile('index.js', Buffer.from("exports.handler = () => ({ body: 'zipped' });"));
    zip.writeZip(join(line.folder, 'packed.zip'));
    t.is((await line.run(['deploy', 'packed.zip'])).code, 0);
    t.is((await line.run(['invoke', 'packed'])).stdout, '"zipped"');
    folderOf('broken', { 'index.js': 'exports.handler = () => {\n  const = 1;\n};' });
    const broken = await line.run(['deploy', 'broken']);
    t.is(broken.code, 1);
    t.regex(broken.stderr, /^glambdar: /m);
    t.regex(broken.stderr, /index\.js:2/);
  },
);

integration('invoke sends data, files, stdin, headers, methods and paths', async (t) => {
  folderOf('echo', {
    'index.js':
      'exports.handler = (req) => ({ statusCode: Number(req.query.status ?? 200), headers: { "X-Seen": "yes" }, ' +
      'body: { method: req.method, path: req.path, query: req.query, body: req.body, trace: req.headers["x-trace"] } });',
  });
  t.is((await line.run(['deploy', 'echo'])).code, 0);
  writeFileSync(join(line.folder, 'input.json'), '{"a":1}');
  const said = async (...args: string[]) => JSON.parse((await line.run(['invoke', ...args])).stdout);
  t.like(await said('echo', '-d', 'text'), { method: 'POST', path: '/', body: 'text' });
  t.like(await said('echo', '-d', '@input.json', '-H', 'X-Trace: 7'), { body: '{"a":1}', trace: '7' });
  t.like(await said('echo/a%20b?x=1', '-X', 'put'), { method: 'PUT', path: '/a%20b', query: { x: '1' } });
  const piped = await line.run(['invoke', 'echo', '-d', '-'], { input: 'from stdin' });
  t.like(JSON.parse(piped.stdout), { body: 'from stdin' });
  // As faas writes it.
  const faas = await line.run(['invoke', 'echo', '-d', 'input.json']);
  t.regex(faas.stdout, /^Response: \{.*\}\n$/);
  t.like(JSON.parse(faas.stdout.slice('Response: '.length)), { body: '{"a":1}' });
  const failed = await line.run(['invoke', 'echo?status=418', '-i']);
  t.is(failed.code, 1);
  t.regex(failed.stdout, /^HTTP\/1\.1 418 .*\n(.+\n)*X-Seen: yes\n/i);
  t.like(JSON.parse((await line.run(['invoke', 'echo', '--json'])).stdout), {
    status: 200,
    body: { method: 'POST' },
  });
  const wrong = await line.run(['invoke', 'echo', '-H', 'no colon']);
  t.is(wrong.code, 2);
});

integration(
  'after a failed call invoke shows on stderr what it printed, with hints; with --raw and --json it does not',
  async (t) => {
    folderOf('failing', {
      'index.js': `exports.handler = async ({ query }) => {
        console.log('on my way \\u001b[31mred');
        for (let n = 0; n < Number(query.lines); n += 1) console.log('line ' + n + ' ' + 'x'.repeat(1100));
        if (query.status) return { statusCode: Number(query.status), body: 'own' };
        if (query.exit) process.exit(3);
        if (query.wait) await new Promise((resolve) => setTimeout(resolve, 60_000));
        if (query.fetch) await fetch('http://example.org');
        throw new Error('no such key');
      };`,
    });
    t.is((await line.run(['deploy', 'failing', '--set', 'timeoutMs=500'])).code, 0);
    const head = (status: number) =>
      `glambdar: the call ended with status ${status} after [\\d.]+ ms; it printed:\n {2}on my way \\\\x1b\\[31mred\n`;

    const thrown = await line.run(['invoke', 'failing']);
    t.is(thrown.code, 1);
    t.like(JSON.parse(thrown.stdout), { code: 'FUNCTION_ERROR', error: 'no such key' });
    t.regex(thrown.stderr, new RegExp(`^${head(500)} {2}Error: no such key\n {6}at .*index\\.js:8`));
    t.is(thrown.stderr.match(/Error: no such key/g)?.length, 1, 'said once');
    t.notRegex(thrown.stderr.replaceAll('\n', ''), ESCAPES);

    t.regex(
      (await line.run(['invoke', 'failing?fetch=1'])).stderr,
      /`glambdar config failing network=bridge`/,
    );
    t.regex((await line.run(['invoke', 'failing?exit=1'])).stderr, new RegExp(`^${head(502)}`));
    t.regex((await line.run(['invoke', 'failing?wait=1'])).stderr, new RegExp(`^${head(504)}`));
    t.regex((await line.run(['invoke', 'failing?status=503', '-i'])).stderr, new RegExp(`^${head(503)}`));
    t.is((await line.run(['invoke', 'failing?status=404'])).stderr, '', 'an answer, not a failure');

    const long = (await line.run(['invoke', 'failing?lines=200'])).stderr;
    t.regex(long, /^.*it printed:\n {2}… \d+ more lines before\n/);
    t.regex(long, /\n {2}line 199 x{900,1000}…\n/);
    t.true(long.length < 60_000, String(long.length));

    for (const option of ['--raw', '--json'])
      t.is((await line.run(['invoke', 'failing', option])).stderr, '', option);
    const seen = (await line.runOnTerminal(['invoke', 'failing/a?status=404'])).stdout;
    t.is(
      seen,
      '"own"\r\nglambdar: the call ended with status 404; `glambdar logs failing` shows what it printed.\r\n',
    );
    const failed = (await line.runOnTerminal(['invoke', 'failing'])).stdout;
    t.regex(failed, /it printed:\r\n {2}on my way \\x1b\[31mred\r\n {2}\u001b\[3[13]mError: no such key/);
  },
);

integration(
  'invoke shows on stderr what the server remarks about an answer; with --raw and --json it does not',
  async (t) => {
    folderOf('remarked', {
      'index.js': `exports.handler = ({ query }) => {
        if (query.throw) throw new Error('no such thing');
        if (query.print) console.log('own line');
        if (query.wait) return new Promise((resolve) => setTimeout(resolve, 60_000));
        return query.plain ? { body: 'plain' } : { status: 404, body: 'seen' };
      };`,
    });
    t.is((await line.run(['deploy', 'remarked', '--set', 'timeoutMs=500'])).code, 0);
    const seen = await line.runOnTerminal(['invoke', 'remarked?print=1'], { env: { NO_COLOR: '1' } });
    t.regex(seen.stdout, /glambdar: the answer's key "status" is not read; use "statusCode"/);
    t.false(seen.stdout.includes('own line'), seen.stdout);
    for (const option of ['--raw', '--json'])
      t.is((await line.run(['invoke', 'remarked', option])).stderr, '', option);
    t.is((await line.runOnTerminal(['invoke', 'remarked?plain=1'])).stdout, '"plain"\r\n');

    const thrown = (await line.run(['invoke', 'remarked?throw=1'])).stderr;
    t.regex(thrown, /^glambdar: the call ended with status 500 after [\d.]+ ms:\n {2}Error: no such thing\n/);
    const late = await line.run(['invoke', 'remarked?wait=1']);
    const { error } = JSON.parse(late.stdout) as { error: string };
    t.false(late.stderr.includes(error), late.stderr);
    t.regex(
      late.stderr,
      /^glambdar: the call ended with status 504 after [\d.]+ ms(; it printed nothing\.|:)\n/,
    );
  },
);

integration('list, info, open, config, env and rm tell and change what is deployed', async (t) => {
  folderOf('shown', { 'index.js': 'exports.handler = () => ({ body: process.env.WORD ?? null });' });
  t.is((await line.run(['deploy', 'shown'])).code, 0);
  t.is((await line.run(['env', 'shown', 'WORD=hey', 'OTHER=x'])).code, 0);
  t.is((await line.run(['invoke', 'shown'])).stdout, '"hey"');
  t.regex((await line.run(['list'])).stdout, /^NAME .*\n(.*\n)*shown +\d+ +1 +0 /);
  t.true(
    JSON.parse((await line.run(['ls', '--json'])).stdout).some(
      ({ name }: { name: string }) => name === 'shown',
    ),
  );
  t.regex((await line.run(['info', 'shown'])).stdout, /calls +1, 0 failed/);
  t.is((await line.run(['open', 'shown'])).stdout.split('\n')[0], `${server().url}/invoke/shown`);
  const changed = JSON.parse(
    (await line.run(['config', 'shown', 'memoryMb=256', 'maxConcurrency=3', '--json'])).stdout,
  );
  t.like(changed, { memoryMb: 256, maxConcurrency: 3, env: { WORD: 'hey', OTHER: 'x' } });
  t.is((await line.run(['config', 'shown', 'memory=1'])).code, 1);
  t.is((await line.run(['deploy', 'shown', '-n', 'shown-too'])).code, 0);
  const removed = await line.run(['rm', 'shown', 'missing', 'shown-too']);
  t.is(removed.code, 4);
  t.is(removed.stdout, '✓ shown is deleted\n✓ shown-too is deleted\n');
  t.is((await line.run(['delete', 'shown-too'])).code, 4);
  const gone = await line.run(['info', 'shown']);
  t.is(gone.code, 4);
  t.true(gone.stderr.includes('`glambdar list` shows'), gone.stderr);
  const npx = await line.run(['info', 'shown'], { env: { npm_command: 'exec' } });
  t.true(npx.stderr.includes('`npx glambdar list` shows'), npx.stderr);
});

integration(
  'rm and secrets rm tell of each thing that was named, and go on after one that is not there',
  async (t) => {
    for (const name of ['first', 'third']) {
      folderOf(name, { 'index.js': greeting(name) });
      t.is((await line.run(['deploy', name])).code, 0);
    }
    await line.run(['secrets', 'set', 'first', 'A'], { input: 'x' });
    await line.run(['secrets', 'set', 'first', 'C'], { input: 'x' });
    const secrets = await line.run(['secrets', 'rm', 'first', 'A', 'B', 'C']);
    t.is(secrets.stdout, '✓ A is removed\n✓ C is removed\n');
    t.regex(
      secrets.stderr,
      /^✗ B: "first" has no secret of this name; `glambdar secrets list first` names those it has\.\n$/,
    );
    t.is(secrets.code, 4);
    t.is((await line.run(['secrets', 'list', 'first', '--json'])).stdout.replaceAll(/\s/g, ''), '[]');

    const seen = await line.runOnTerminal(['rm', 'first', 'nope', 'third', 'first'], {
      env: { NO_COLOR: '1' },
    });
    t.is(
      seen.stdout.replaceAll('\r', ''),
      '✓ first is deleted\n✗ nope: there is no such function\n✓ third is deleted\n',
    );
    t.is(seen.code, 4);
    const json = await line.run(['rm', 'first', 'third', '--json']);
    t.like(JSON.parse(json.stdout), {
      deleted: [],
      failed: [
        { name: 'first', error: 'there is no such function', code: 'FUNCTION_NOT_FOUND' },
        { name: 'third' },
      ],
    });
    t.is(json.code, 4);
  },
);

integration('a command names the function that is not there, and one that may have been meant', async (t) => {
  folderOf('conf', { 'index.js': greeting('conf') });
  t.is((await line.run(['deploy', 'conf'])).code, 0);
  const remedy = '`glambdar list` shows the functions there are.';
  for (const args of [
    ['info', 'conff'],
    ['open', 'conff'],
    ['rm', 'conff'],
    ['config', 'conff'],
    ['config', 'conff', 'memoryMb=256'],
    ['env', 'conff', 'A=1'],
    ['logs', 'conff'],
    ['logs', 'conff', '-f'],
    ['invoke', 'conff/a/path?query=1'],
    ['versions', 'conff'],
    ['rollback', 'conff', '1'],
    ['download', 'conff'],
    ['secrets', 'list', 'conff'],
    ['secrets', 'set', 'conff', 'KEY', 'value'],
    ['secrets', 'rm', 'conff', 'KEY'],
  ]) {
    const { code, stderr } = await line.run(args);
    t.is(stderr, `glambdar: There is no function "conff"; did you mean "conf"? ${remedy}\n`, args.join(' '));
    t.is(code, 4, args.join(' '));
  }
  t.is((await line.run(['info', 'xyz'])).stderr, `glambdar: There is no function "xyz". ${remedy}\n`);
});

integration(
  'logs show calls for people, follow new ones, and let no control character through',
  async (t) => {
    folderOf('noisy', { 'index.js': greeting('hello') });
    t.is((await line.run(['deploy', 'noisy'])).code, 0);
    await line.run(['invoke', 'noisy']);
    await until('the record is there', async () => (await server().request('/logs/noisy')).json.length === 1);
    for (const args of [
      ['logs', 'noisy'],
      ['logs', '-n', 'noisy'],
      ['logs', '--all', '--since', '10m'],
    ]) {
      const { stdout, code } = await line.run(args);
      t.is(code, 0);
      t.true(stdout.includes('  hello \\x1b[31mred\\x1b]0;title\\x07\n'), stdout);
      t.regex(
        stdout,
        /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}(noisy {2})?\w+ +200 {2}[\d.]+ ms {2}POST \/invoke\/noisy\n/,
      );
      t.notRegex(stdout, ESCAPES);
    }
    t.is((await line.run(['logs', 'noisy', '--errors'])).stdout, '');
    t.is((await line.run(['logs'])).code, 2);
    t.is((await line.run(['logs', 'noisy', '--since', 'yesterday'])).code, 2);
    const seen = await line.runOnTerminal(['logs', 'noisy']);
    // Colours are ours, on a terminal; the function's own bytes are shown as text.
    t.true(seen.stdout.includes('\u001b[32m200'), JSON.stringify(seen.stdout));
    t.true(seen.stdout.includes('hello \\x1b[31mred'));
    t.notRegex(
      (await line.runOnTerminal(['logs', 'noisy'], { env: { NO_COLOR: '1' } })).stdout.replaceAll('\r', ''),
      ESCAPES,
    );

    const follower = line.spawn([process.execPath, PROGRAM, 'logs', 'noisy', '-f', '--json']);
    t.teardown(() => void follower.kill('SIGKILL'));
    let followed = '';
    follower.stdout?.setEncoding('utf8').on('data', (text: string) => (followed += text));
    await until('a call is followed', async () => {
      await server().invoke('noisy');
      return followed !== '';
    });
    t.like(JSON.parse(followed.split('\n')[0] ?? ''), { funcName: 'noisy', outcome: 'ok' });
    const end = new Promise((resolve) => follower.once('exit', resolve));
    follower.kill('SIGINT');
    t.is(await end, 130);
  },
);

integration('a follower of one function ends with a sentence when the function is deleted', async (t) => {
  folderOf('followed', { 'index.js': greeting('followed') });
  t.is((await line.run(['deploy', 'followed'])).code, 0);
  const follower = line.spawn([process.execPath, PROGRAM, 'logs', 'followed', '-f']);
  t.teardown(() => void follower.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    follower[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  await until('a call is followed', async () => {
    await server().invoke('followed');
    return said.stdout !== '';
  });
  const end = new Promise((resolve) => follower.once('close', resolve));
  t.is((await line.run(['rm', 'followed'])).code, 0);
  t.is(await end, 3);
  t.is(said.stderr, "glambdar: The server ended the stream of followed's calls: the function was deleted.\n");
});

integration(
  'logs of all functions go on over deletes, and show functions that are deployed meanwhile',
  async (t) => {
    folderOf('early', { 'index.js': greeting('early') });
    folderOf('later', { 'index.js': greeting('later') });
    t.is((await line.run(['deploy', 'early'])).code, 0);
    const follower = line.spawn([process.execPath, PROGRAM, 'logs', '--all', '-f']);
    t.teardown(() => void follower.kill('SIGKILL'));
    let shown = '';
    for (const stream of [follower.stdout, follower.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (shown += text));
    await until('a call of the first is shown', async () => {
      await server().invoke('early');
      return shown.includes('  early  ');
    });
    t.is((await line.run(['deploy', 'later'])).code, 0);
    // The first call of a function that is new is shown, too.
    t.is((await server().invoke('later')).status, 200);
    t.is((await line.run(['rm', 'early'])).code, 0);
    await until('the call of the new one is shown', () => shown.includes('  later  '));
    t.is(shown.match(/ {2}later {2}/g)?.length, 1, shown);
    // Deployed again it is another function, of the same name.
    t.is((await line.run(['deploy', 'early'])).code, 0);
    shown = '';
    await until('a call of the function deployed again is shown', async () => {
      await server().invoke('early');
      return shown.includes('  early  ');
    });
    t.is(follower.exitCode, null, shown);
    const end = new Promise((resolve) => follower.once('exit', resolve));
    follower.kill('SIGINT');
    t.is(await end, 130);
  },
);

integration('an answer on a terminal holds no control character, with --raw it holds all', async (t) => {
  folderOf('painted', {
    'index.js':
      "exports.handler = () => ({ headers: { 'content-type': 'text/plain' }, body: 'a\\u001b[31mb' });",
  });
  t.is((await line.run(['deploy', 'painted'])).code, 0);
  t.is((await line.runOnTerminal(['invoke', 'painted'])).stdout, 'a\\x1b[31mb\r\n');
  t.is((await line.runOnTerminal(['invoke', 'painted', '--raw'])).stdout, 'a\u001b[31mb');
  t.is((await line.run(['invoke', 'painted'])).stdout, 'a\u001b[31mb');
});

integration('a deploy on a terminal shows a bar with bytes', async (t) => {
  folderOf('barred', { 'index.js': greeting('bar'), 'data.txt': 'x'.repeat(100_000) });
  const { stdout, code } = await line.runOnTerminal(['deploy', 'barred']);
  t.is(code, 0, stdout);
  t.regex(stdout, /packed 2 files, [\d.]+ k?B/);
  t.regex(stdout, /uploading \[#{24}\] [\d.]+ k?B of [\d.]+ k?B/);
});

integration('dev deploys at every change, tells mistakes, and streams the calls', async (t) => {
  const folder = folderOf('living', { 'index.js': greeting('one') });
  const child = line.spawn([process.execPath, PROGRAM, 'dev', 'living']);
  t.teardown(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  await until('it is live', () => output.includes('version 1 is live'));
  t.is((await server().invoke('living')).json, 'one');
  await until('the call is shown', () => output.includes('one \\x1b[31mred'));
  writeFileSync(join(folder, 'index.js'), greeting('two'));
  await until('the change is live', async () => (await server().invoke('living')).json === 'two');
  writeFileSync(join(folder, 'index.js'), 'exports.handler = (');
  await until('the mistake is told', () => output.includes('✗'));
  t.is((await server().invoke('living')).json, 'two');
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib/word.js'), "module.exports = 'three';");
  writeFileSync(join(folder, 'index.js'), "exports.handler = () => ({ body: require('./lib/word.js') });");
  await until('a new folder is live', async () => (await server().invoke('living')).json === 'three');
  writeFileSync(join(folder, 'lib/word.js'), "module.exports = 'four';");
  await until('a file in it is live', async () => (await server().invoke('living')).json === 'four');
  const answers = (word: string): Promise<void> =>
    until(`${word} is live`, async () => (await server().invoke('living')).json === word);
  // As sed -i, formatters and many editors save: another file takes the name. What is written into it later counts, too.
  for (const word of ['five', 'six']) {
    writeFileSync(join(folder, 'lib/word.js.new'), `module.exports = '${word}';`);
    renameSync(join(folder, 'lib/word.js.new'), join(folder, 'lib/word.js'));
    await answers(word);
    writeFileSync(join(folder, 'lib/word.js'), `module.exports = '${word} written';`);
    await answers(`${word} written`);
  }
  // As changing branches does: a folder goes, and comes again with other files; then the function's own.
  rmSync(join(folder, 'lib'), { recursive: true });
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib/word.js'), "module.exports = 'seven';");
  await answers('seven');
  writeFileSync(join(folder, 'lib/word.js'), "module.exports = 'eight';");
  await answers('eight');
  renameSync(folder, `${folder}-before`);
  folderOf('living', { 'index.js': greeting('nine') });
  await answers('nine');
  writeFileSync(join(folder, 'index.js'), greeting('ten'));
  await answers('ten');
  // Deleted meanwhile, it is deployed again at the next change, and its calls are shown again.
  t.is((await line.run(['rm', 'living'])).code, 0);
  writeFileSync(join(folder, 'index.js'), greeting('eleven'));
  await until('a call of the new function is shown', async () => {
    await server().invoke('living');
    return output.includes('eleven \\x1b[31mred');
  });
  const end = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  t.is(await end, 130);
});

integration("the lines of the siblings' clients work as written", async (t) => {
  t.is((await line.run(['create', '-n', 'sibling', '-r', 'nodejs'])).code, 0);
  t.is((await line.run(['deploy', '-n', 'sibling'])).code, 0);
  t.regex((await line.run(['invoke', 'sibling', '-d', '{"name":"Ada"}'])).stdout, /Hello, Ada!/);
  await until('the record is there', async () => (await server().request('/logs/sibling')).json.length === 1);
  t.regex((await line.run(['logs', '-n', 'sibling'])).stdout, /greeting Ada/);
});

integration('doctor passes a healthy machine, and names what is broken with its remedy', async (t) => {
  const well = await line.run(['doctor']);
  t.is(well.code, 0, well.stdout);
  for (const title of [
    'versions',
    'disk',
    'Docker',
    'image',
    'socket mounts',
    'seccomp',
    'memory limit',
    'pids limit',
    'out of memory',
    'network off',
    'clock',
    'server',
    'probe',
  ])
    t.regex(well.stdout, new RegExp(`^✓ ${title} `, 'm'));
  t.is(
    (await server().request('/info')).json.functions.filter(({ name }: { name: string }) =>
      name.includes('doctor'),
    ).length,
    0,
  );

  const away = await line.run([
    'doctor',
    '--docker-host',
    'unix:///nowhere/docker.sock',
    '--server',
    'http://127.0.0.1:9',
  ]);
  t.is(away.code, 1);
  t.regex(away.stdout, /^✗ Docker .*is not there\n +→ Start Docker/m);
  t.regex(away.stdout, /^✗ server .*\n +→ Start one with `glambdar start`/m);
  const noImage = await line.run(['doctor', '--image', 'no/such:image'], {
    env: { GLAMBDAR_DIR: '/nowhere' },
  });
  t.regex(noImage.stdout, /^✗ image .*no\/such:image is not there\n +→ Run `docker pull no\/such:image`/m);
  t.regex(noImage.stdout, /^✗ disk /m);
});

integration('deploy and init refuse what cannot be meant, with what to write instead', async (t) => {
  folderOf('shelf', { 'links/index.js': greeting('links'), 'notes.txt': '' });
  const refused = async (args: string[], message: RegExp, cwd = line.folder) => {
    const { code, stderr } = await line.run(args, { cwd });
    t.is(code, 2, stderr);
    t.regex(stderr, message);
  };
  await refused(['deploy', 'shelf'], /shelf has no entry file: .*`glambdar deploy shelf\/links`\.\n$/);
  await refused(
    ['deploy', 'shelf/links/index.js'],
    /^glambdar: shelf\/links\/index\.js is a single file; name its folder: `glambdar deploy shelf\/links`\.\n$/,
  );
  await refused(
    ['deploy', 'nothere'],
    /There is no folder or archive nothere\. Name a folder with an entry file/,
  );
  await refused(
    ['init'],
    /not empty \(links, notes\.txt\).*`glambdar init NAME`/,
    join(line.folder, 'shelf'),
  );
});

integration('an answer without a body is told on a terminal', async (t) => {
  folderOf('bodiless', {
    'index.js':
      'exports.handler = ({ query }) => query.to ? { statusCode: 301, headers: { Location: query.to }, body: Buffer.alloc(0) } : { statusCode: 204 };',
  });
  t.is((await line.run(['deploy', 'bodiless'])).code, 0);
  t.is((await line.runOnTerminal(['invoke', 'bodiless'])).stdout, '204, no body\r\n');
  t.is((await line.runOnTerminal(['invoke', 'bodiless?to=/a'])).stdout, '301, Location: /a\r\n');
});
