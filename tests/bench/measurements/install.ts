/**
 * Owns the rows of dependencies installed at deploy: the first deploy of a tree of some 70 packages beside plain `npm ci` on
 * this machine, both with nothing cached, and a repeated deploy beside one of the same code without dependencies. Needs
 * the registry, so it is no part of a run that does not name it.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ECHO } from '../functions-under-test.js';
import type { Measurement } from '../measurement.js';
import type { ServerUnderTest } from '../server-under-test.js';
import { summary } from '../statistics.js';
import { STOCKED } from '../workbench.js';

const run = promisify(execFile);
const APP = join(import.meta.dirname, '../../fixtures/install');
/** For what a deploy leaves to be done after its answer: copies, a loaded container, old versions. */
const PAUSE_MS = 1_500;

/** `npm ci` in an empty directory with an empty cache. @returns milliseconds */
async function plainInstall(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'glambdar-bench-npm-'));
  try {
    cpSync(APP, dir, { recursive: true });
    writeFileSync(join(dir, '.npmrc'), `cache=${join(dir, 'cache')}\n`);
    const began = performance.now();
    await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: dir });
    return performance.now() - began;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The echo function with the manifest and a lockfile that no other has: packages in it bear the mark in their license. */
function withDependencies(mark: string): Record<string, string> {
  const lockfile = JSON.parse(readFileSync(join(APP, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, object>;
  };
  for (const entry of Object.values(lockfile.packages)) Object.assign(entry, { license: mark });
  return {
    'package.json': readFileSync(join(APP, 'package.json'), 'utf8'),
    'package-lock.json': JSON.stringify(lockfile),
  };
}

/** The same files under names that mean nothing, so that both archives are alike. */
function without(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`other-${name}`, content]));
}

async function timedDeploy(
  server: ServerUnderTest,
  name: string,
  files: Record<string, string>,
): Promise<number> {
  const began = performance.now();
  await server.deploy(name, ECHO, { standby: 0 }, files);
  return performance.now() - began;
}

export const install: Measurement = {
  id: 'install',
  rows: [
    { number: 17, title: 'first install / plain npm ci', unit: '', limit: 2, aim: 1.5, better: 'lower' },
    {
      number: 18,
      title: 'repeated deploy / without dependencies',
      unit: '',
      limit: 1.2,
      aim: 1.1,
      better: 'lower',
    },
  ],
  limitSeconds: 240,
  async measure(turn) {
    const server = await turn.server(STOCKED);
    const plain: number[] = [];
    const first: number[] = [];
    for (let round = 0; round < turn.pick(5, 2); round += 1) {
      plain.push(await plainInstall());
      first.push(await timedDeploy(server, 'installed', withDependencies(`round ${round}`)));
      await sleep(PAUSE_MS);
    }
    const files = withDependencies('round 0');
    const repeated: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < turn.pick(20, 5); round += 1) {
      bare.push(await timedDeploy(server, 'bare', without(files)));
      await sleep(PAUSE_MS);
      repeated.push(await timedDeploy(server, 'installed', files));
      await sleep(PAUSE_MS);
    }
    await server.undeploy('installed', 'bare');
    const installs = { 'first install ms': summary(first), 'plain npm ci ms': summary(plain) };
    const deploys = { 'repeated ms': summary(repeated.slice(1)), 'without ms': summary(bare.slice(1)) };
    return [
      {
        value: installs['first install ms'].p50 / installs['plain npm ci ms'].p50,
        n: first.length,
        figures: installs,
      },
      {
        value: deploys['repeated ms'].p50 / deploys['without ms'].p50,
        n: repeated.length - 1,
        figures: deploys,
        note: `the function loads none of its packages; ${PAUSE_MS} ms between deploys`,
      },
    ];
  },
};
