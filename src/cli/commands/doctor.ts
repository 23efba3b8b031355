/** Owns `doctor`: all checks in order, each on a line with its remedy. */
import { statfsSync } from 'node:fs';
import { environmentVariable } from '../../config.js';
import { EXIT } from '../cli-error.js';
import { judged, wrong, type Finding } from '../doctor/check.js';
import { dockerChecks, versionCheck } from '../doctor/docker-checks.js';
import { Engine } from '../doctor/engine.js';
import { serverChecks } from '../doctor/server-checks.js';
import { asTyped } from '../own-name.js';
import { clientOf, type CommonOptions } from '../session.js';
import { styled } from '../terminal/output.js';
import { sizeText } from '../terminal/progress-bar.js';
import { safeJson, safeLine } from '../terminal/safe-text.js';

export interface DoctorOptions extends CommonOptions {
  dockerHost?: string;
  image?: string;
}

/** Less free space than this stops deploys soon. */
const FREE_BYTES = 1_000_000_000;

export async function doctor(options: DoctorOptions): Promise<void> {
  const engine = new Engine(
    options.dockerHost ?? (environmentVariable('DOCKER_HOST') || 'unix:///var/run/docker.sock'),
  );
  const image = options.image ?? (environmentVariable('GLAMBDAR_IMAGE') || null);
  const findings: Finding[] = [];
  const add = (found: Finding[]): void => {
    findings.push(...found);
    if (!options.json) for (const one of found) process.stdout.write(`${lineOf(one)}\n`);
  };
  add([versionCheck(), diskCheck()]);
  add(await dockerChecks(engine, image));
  add(await serverChecks(clientOf(options)));
  if (options.json) process.stdout.write(`${safeJson(findings)}\n`);
  if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
}

function lineOf({ title, ok, found, remedy }: Finding): string {
  const mark = ok ? styled('green', '✓') : styled('red', '✗');
  const line = `${mark} ${title.padEnd(14)} ${safeLine(found)}`;
  return ok ? line : `${line}\n  ${''.padEnd(14)} → ${asTyped(remedy)}`;
}

function diskCheck(): Finding {
  const dir = environmentVariable('GLAMBDAR_DIR') || process.cwd();
  try {
    const { bavail, bsize } = statfsSync(dir);
    const free = bavail * bsize;
    return judged(
      'disk',
      free >= FREE_BYTES,
      `${sizeText(free)} free in ${dir}`,
      'Free some space: deploys are refused on a full disk.',
    );
  } catch {
    return wrong('disk', `${dir} is not there`, 'Set GLAMBDAR_DIR to the directory of the server.');
  }
}
