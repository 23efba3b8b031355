#!/usr/bin/env node
// The command `glambdar`: starts the compiled command line. In a checkout that was never built it is built first.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// An older Node could not load the command line, and would say so with a stack.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `glambdar: Node.js 20.19 or newer is needed; this is ${process.versions.node}. ` +
      'Install it from https://nodejs.org/en/download, or with npm: sudo npm install -g n && sudo n 24\n',
  );
  process.exit(1);
}

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

if (!existsSync(path('../dist/src/cli/main.js'))) {
  const { status } = spawnSync('bash', [path('bootstrap.sh'), '--no-docker'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
await import('../dist/src/cli/main.js');
