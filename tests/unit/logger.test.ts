import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import test from 'ava';
import { createLogger } from '../../src/logger.js';

/** What a process says on stdout that logs a line, a fatal one and many more, and its stderr. */
function logging(stderr: 'pipe' | number) {
  const program = `
    const { createLogger } = await import('${new URL('../../src/logger.ts', import.meta.url).href}');
    const logger = createLogger('info');
    logger.info('first');
    await new Promise((resolve) => setImmediate(resolve));
    logger.fatal('worst');
    for (let count = 0; count < 5000; count++) logger.info('x'.repeat(100));
    console.log('alive');`;
  const args = ['--import=tsx', '--input-type=module', '--eval', program];
  return spawnSync(process.execPath, args, {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'pipe', stderr],
    encoding: 'utf8',
  });
}

test('who logs goes on when its log cannot be written', (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const { status, stdout } = logging(full);
  t.is(stdout, 'alive\n');
  t.is(status, 0);
});

test('every line is written where there is room', (t) => {
  const { stderr, stdout } = logging('pipe');
  const lines = stderr.trimEnd().split('\n');
  t.is(lines.length, 5002);
  t.deepEqual(
    lines.slice(0, 2).map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['first', 'worst'],
  );
  t.is(stdout, 'alive\n');
});

test('a log for people has a line of plain words for every event, whatever an error quotes', (t) => {
  const lines: string[] = [];
  const logger = createLogger('info', 'people', (line) => lines.push(line));
  logger.info({ url: 'http://127.0.0.1:8000' }, 'ready');
  logger.error({ err: new Error('disk\u001b[2J full\nnow'), id: 7 }, 'a call failed');
  logger.debug('not shown');
  t.is(lines.length, 2);
  t.regex(lines[0]!, /^\d\d:\d\d:\d\d {2}ready \(url http:\/\/127\.0\.0\.1:8000\)\n$/);
  t.regex(lines[1]!, /^\S+ {2}error: a call failed: disk \[2J full now \(id 7\)\n$/);
});
