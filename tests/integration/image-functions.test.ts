/**
 * Images that run once for each call: what the container gets, what becomes of its answer, and what a hostile one can do.
 * Most functions here run the request as a shell script.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { integration, integrationEnabled } from '../helpers/integration.js';
import { serverForFile, until, type Answer } from '../helpers/server-process.js';
import { nodeImage, removeTestImages, shellImage } from '../helpers/test-images.js';

const SHELL = 'glambdar-test-images/shell:1';
const ODD = 'glambdar-test-images/odd:1';
const EMPTY = 'glambdar-test-images/empty:1';
const WRONG = 'glambdar-test-images/wrong:1';
const NODE = 'glambdar-test-images/node:1';

const server = serverForFile({ env: { GLAMBDAR_STANDBY: '0', GLAMBDAR_UID_BASE: '350000' } });
if (integrationEnabled) {
  test.before('images are made and registered', async () => {
    shellImage(SHELL, 'cd "$CONTEXT_PATH"; . ./request.json');
    shellImage(ODD, 'cd "$CONTEXT_PATH"; . ./request.json', {
      changes: [
        'VOLUME ["/data", "/tmp/", "/tmp/context"]',
        'WORKDIR /proc/self/fd/7',
        'USER 0',
        'HEALTHCHECK --interval=1s CMD touch /tmp/unwell',
        'ENV FROM_IMAGE=yes',
      ],
    });
    nodeImage(
      NODE,
      `const fs = require('node:fs');
       const dir = process.env.CONTEXT_PATH;
       const request = JSON.parse(fs.readFileSync(dir + '/request.json', 'utf8'));
       fs.writeFileSync(dir + '/response.json', JSON.stringify({ twice: 2 * request.n, uid: process.getuid() }));`,
    );
  });
  test.after.always('images are removed', () => removeTestImages([SHELL, ODD, NODE, EMPTY, WRONG]));
}

async function register(
  name: string,
  image: string,
  environment: Record<string, string> = {},
): Promise<string> {
  const body = JSON.stringify({ image, name, environment });
  const made = await server().request('/v1/functions', { method: 'POST', body });
  if (made.status !== 201) throw new Error(made.text);
  const { id } = made.json.data;
  const route = JSON.stringify({ path: `/${name}`, function_id: id });
  await server().request('/v1/routes', { method: 'POST', body: route });
  return id;
}

/** Calls `/r/<name>` with a script. */
const run = (script: string, name = 'shell'): Promise<Answer> =>
  server().request(`/r/${name}`, { method: 'POST', body: script });

const mounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(server().dir));

/** Nothing of image functions is left: no container, no process under their uids. */
async function assertNothingLeft(): Promise<void> {
  await until('no container is left', async () => (await server().containers()).length === 0);
  await until('no process is left', () => {
    const uids = execFileSync('ps', ['-eo', 'uid='], { encoding: 'utf8' }).split('\n').map(Number);
    return !uids.some((uid) => uid >= 350_000 && uid < 370_000);
  });
}

integration(
  'the container finds its request, its variables, a uid of its own, and nothing of other calls',
  async (t) => {
    await register('shell', SHELL, { GREETING: 'hi', REQUEST_ID: 'mine' });
    const script = `{ echo "$GREETING|$REQUEST_ID|$CONTEXT_PATH|$(pwd)"; id; ls /tmp/context; stat -c '%a %u' . request.json response.json; cat response.json; } > /tmp/x; cp /tmp/x response.json`;
    const [one, two] = await Promise.all([run(script), run(`sleep 0.5; ${script}`)]);
    t.is(one.status, 200);
    const [line, ids, seen, ...rest] = one.text.split('\n');
    const [greeting, id, path, pwd] = line!.split('|');
    t.is(greeting, 'hi');
    t.regex(id!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    t.is(path, `/tmp/context/${id}`);
    t.is(pwd, path);
    t.is(seen, id);
    const uid = /uid=(\d+) gid=\1 groups=\1/.exec(ids!)?.[1];
    t.true(Number(uid) >= 350_000);
    t.deepEqual(rest, [`700 ${uid}`, `600 ${uid}`, `600 ${uid}`, '{}']);
    t.notRegex(two.text, new RegExp(`uid=${uid} |${id}`));
    t.is((await run('echo "$(ls /tmp/context | wc -l)" > response.json')).text, '1\n');
  },
);

integration('a program on the image with Node answers', async (t) => {
  await register('node', NODE);
  const answer = await server().request('/r/node', { method: 'POST', body: '{"n":21}' });
  t.is(answer.json.twice, 42);
});

integration('calls count, log and show like those of any other function', async (t) => {
  const answer = await server().invoke('shell', {
    body: 'echo out; echo err >&2; echo \'{"a":1}\' > response.json',
  });
  t.is(answer.text, '{"a":1}\n');
  t.is(answer.headers.get('content-type'), 'application/json; charset=UTF-8');
  const info = (await server().request('/info/shell')).json;
  t.true(info.invokeCount >= 1);
  t.is(info.settings.contract, 'go-serverless');
  t.regex(info.digest, /^sha256:[0-9a-f]{64}$/);
  const id = answer.headers.get('x-invocation-id');
  await until('the record has its output', async () => {
    const [record] = (await server().request('/logs/shell?limit=1')).json;
    return record.id === id && record.stdout !== '';
  });
  const [record] = (await server().request('/logs/shell?limit=1')).json;
  t.like(record, {
    status: 200,
    outcome: 'ok',
    start: 'cold',
    stdout: 'out\n',
    stderr: 'err\n',
    peakMemoryMb: null,
  });
  t.true(record.runMs > 0 && record.startMs > 0);
  const configured = await server().request('/config/shell', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"memoryMb":256,"timeoutMs":20000}',
  });
  t.is(configured.status, 200);
  for (const [settings, message] of [
    ['{"contract":"faas"}', /not for an image/],
    ['{"contract":"glambdar"}', /not for an image/],
  ] as const) {
    const refused = await server().request('/config/shell', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: settings,
    });
    t.is(refused.status, 400);
    t.regex(refused.json.error, message);
  }
  const bundle = await server().deploy(
    'x',
    { 'index.js': 'exports.handler = () => 1' },
    { contract: 'go-serverless' },
  );
  t.is(bundle.status, 400);
  t.regex(bundle.json.error, /not for a function deployed as an archive/);
  t.is((await run('echo 1 > response.json')).text, '1\n');
});

integration('a large output is kept up to the limit of a record, with a note', async (t) => {
  const answer = await run('seq 1 200000; echo 1 > response.json');
  t.is(answer.status, 200);
  const id = answer.headers.get('x-invocation-id');
  await until(
    'the record has its output',
    async () => (await server().request(`/invocations/${id}`)).json.stdout !== '',
  );
  const { stdout } = (await server().request(`/invocations/${id}`)).json;
  t.true(Buffer.byteLength(stdout) <= 260 * 1024);
});

integration(
  'an answer that was written counts whatever the exit code; without one the exit code is told',
  async (t) => {
    const written = await run('echo \'{"ok":true}\' > response.json; exit 3');
    t.is(written.status, 200);
    t.is(written.text, '{"ok":true}\n');
    t.is((await run('printf "{}" > response.json; exit 3')).status, 200);
    t.is((await run('true')).text, '{}');
    const failed = await run('echo why >&2; exit 3');
    t.is(failed.status, 502);
    t.deepEqual(failed.json, { success: false, message: failed.json.message, data: { exitCode: 3 } });
    t.regex(failed.json.message, /exit code 3/);
    const id = failed.headers.get('x-invocation-id');
    t.like((await server().request(`/invocations/${id}`)).json, { outcome: 'crash', status: 502 });
    await until(
      'the record has its output',
      async () => (await server().request(`/invocations/${id}`)).json.stderr === 'why\n',
    );
    t.is((await run('kill -9 $$')).status, 502);
    const native = await server().invoke('shell', { body: 'exit 4' });
    t.is(native.json.code, 'INSTANCE_CRASHED');
    t.is(native.json.exitCode, 4);
  },
);

integration(
  'a container that does not end is killed at its timeout, and one whose caller has gone after the grace',
  async (t) => {
    await server().request('/config/shell', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"timeoutMs":700}',
    });
    const late = await run('trap "" TERM INT HUP; echo before; sleep 1000 & sleep 1000; sleep 1000');
    t.is(late.status, 504);
    t.is(late.json.success, false);
    const id = late.headers.get('x-invocation-id');
    await until(
      'the record has its output',
      async () => (await server().request(`/invocations/${id}`)).json.stdout === 'before\n',
    );
    await server().request('/config/shell', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"timeoutMs":20000}',
    });
    const gone = new AbortController();
    const left = server().request('/r/shell', { method: 'POST', body: 'sleep 1000', signal: gone.signal });
    await sleep(500);
    gone.abort();
    await t.throwsAsync(left, { any: true });
    await assertNothingLeft();
  },
);

integration('memory, processes and files are limited', async (t) => {
  const hungry = await run(
    'head -c 400000000 /dev/zero | tr "\\0" x | awk \'{ a = $0 } END { print length(a) }\'; exit $?',
  );
  t.true(hungry.status === 502, hungry.text);
  t.is((await run('for i in $(seq 1 200); do sleep 60 & done; echo 1 > response.json')).status, 502);
  t.is((await run('touch /etc/x || touch /x || echo \'"read-only"\' > response.json')).text, '"read-only"\n');
  const network = await run('cat /proc/net/dev > response.json');
  t.notRegex(network.text, /eth0/);
  await assertNothingLeft();
});

integration(
  'what an image declares changes nothing: user, volumes, health check, working directory',
  async (t) => {
    await register('odd', ODD);
    const script =
      '{ id; echo $FROM_IMAGE; touch /data/x && echo written; ls /tmp; dd if=/dev/zero of=/data/y bs=1M count=64 2>&1 | grep -c space; stat -c %u /data; } > /tmp/r; cp /tmp/r response.json';
    const answer = await run(script, 'odd');
    t.is(answer.status, 200, answer.text);
    t.notRegex(answer.text, /uid=0/);
    t.regex(answer.text, /\nyes\nwritten\n/);
    t.notRegex(answer.text, /unwell/);
  },
);

integration(
  'whatever a container puts in the place of its answer, no file of the host is read',
  async (t) => {
    const rows: [script: string, message: RegExp][] = [
      ['rm response.json; ln -s /etc/passwd response.json', /link/],
      ['rm response.json; ln -s /etc/hostname response.json', /link/],
      ['rm response.json; ln -s /proc/self/environ response.json', /link/],
      ['rm response.json; mkfifo response.json', /no regular file/],
      ['rm response.json; mkdir response.json', /folder/],
      ['rm response.json', /not there/],
      ['truncate -s 10G response.json; rm response.json; truncate -s 60M response.json', /at most/],
      ['head -c 7000000 /dev/zero > response.json', /at most/],
    ];
    for (const [script, message] of rows) {
      const answer = await run(script);
      t.is(answer.status, 502, `${script}: ${answer.text.slice(0, 200)}`);
      t.regex(answer.json.message, message, script);
      t.notRegex(answer.text, /root:|\/run\/context/, script);
    }
    // The folder itself in the place of a link; a name that has many.
    t.is((await run('chmod 0 response.json; chmod 0 .')).status, 200);
    t.is((await run('ln request.json other; rm response.json; ln request.json response.json')).status, 200);
    await assertNothingLeft();
  },
);

integration('an image without a program that can be run is the function’s fault, in words', async (t) => {
  shellImage(EMPTY, '', { changes: ['ENTRYPOINT []'] });
  shellImage(WRONG, '', { changes: ['ENTRYPOINT ["/nowhere"]'] });
  await register('empty', EMPTY);
  await register('wrong', WRONG);
  for (const name of ['empty', 'wrong']) {
    const answer = await run('', name);
    t.is(answer.status, 502, answer.text);
    // Where the daemon has an init process, that one is started, and tells of the program by its exit code.
    t.regex(
      answer.json.message,
      /could not be started; check that the image has an ENTRYPOINT|exit code 127/,
    );
  }
  await assertNothingLeft();
});

integration('a sparse file of 10 GB is not read', async (t) => {
  // The limit on the size of a file would end the program; a program of our own may have no such limit in other runtimes.
  const answer = await run('truncate -s 10G response.json');
  t.is(answer.status, 502, answer.text.slice(0, 200));
});

integration('four pipes at once do not stall the server', async (t) => {
  const pipes = Promise.all([1, 2, 3, 4].map(() => run('rm response.json; mkfifo response.json')));
  const times: number[] = [];
  let over = false;
  void pipes.then(() => (over = true));
  while (!over) {
    const begun = performance.now();
    await server().request('/healthz');
    times.push(performance.now() - begun);
    await sleep(20);
  }
  for (const { status } of await pipes) t.is(status, 502);
  t.true(Math.max(...times) < 1_000, `the slowest /healthz took ${Math.max(...times)} ms`);
  t.is((await run('echo 1 > response.json')).text, '1\n');
});

integration('files and bytes in a context folder are bounded, and nothing of them is left', async (t) => {
  const many = await run(
    'i=0; while touch f$i 2>/dev/null; do i=$((i+1)); done; echo $i > /tmp/n; rm f0 f1; cp /tmp/n response.json',
  );
  t.is(many.status, 200);
  t.true(Number(many.text) > 500 && Number(many.text) < 1_100, many.text);
  const bytes = await run(
    'dd if=/dev/zero of=big bs=1M count=60 2>/dev/null; stat -c %s big > /tmp/n; rm big; cp /tmp/n response.json',
  );
  t.true(Number(bytes.text) <= 17 * 2 ** 20, bytes.text);
  const deep = await run(
    'i=0; while [ $i -lt 300 ]; do mkdir dddddddddddddddddddddddddddddddddddd; cd dddddddddddddddddddddddddddddddddddd; i=$((i+1)); done; echo 1 > "$CONTEXT_PATH/response.json"',
  );
  t.is(deep.status, 200);
  await assertNothingLeft();
  const reused = await run('ls | wc -l > /tmp/n; cp /tmp/n response.json');
  t.is(reused.text.trim(), '2');
});

integration('what a program leaves running ends with it', async (t) => {
  const answer = await run(
    'for i in 1 2 3 4 5; do nohup sleep 1000 >/dev/null 2>&1 & done; echo 1 > response.json',
  );
  t.is(answer.text, '1\n');
  await assertNothingLeft();
});

integration('50 parallel calls answer right', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) => run(`echo ${n} > /tmp/own; sleep 0.05; cp /tmp/own response.json`)),
  );
  t.deepEqual(
    answers.map(({ status, text }) => `${status} ${text.trim()}`),
    Array.from({ length: 50 }, (_, n) => `200 ${n}`),
  );
  await assertNothingLeft();
});

integration('after a kill of the server nothing of a call is left', async (t) => {
  const cut = run('sleep 1000').catch(() => 'cut');
  await until('the container runs', async () =>
    (await server().containers()).some(({ State }) => State === 'running'),
  );
  t.true(mounts().length > 0);
  await server().kill();
  t.is(await cut, 'cut');
  await server().restart();
  t.deepEqual(mounts(), []);
  t.is((await run('echo 1 > response.json')).text, '1\n');
  await assertNothingLeft();
});
