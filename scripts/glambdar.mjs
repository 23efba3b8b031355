#!/usr/bin/env node
// The command `glambdar`: starts the compiled command line. In a checkout that was never built it is built first.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

if (!existsSync(path('../dist/src/cli/main.js'))) {
  const { status } = spawnSync('bash', [path('bootstrap.sh'), '--no-docker'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
await import('../dist/src/cli/main.js');
