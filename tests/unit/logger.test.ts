import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import test from 'ava';

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
