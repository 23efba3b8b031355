/** Owns `doctor`: all checks in order, each on a line with its remedy. */
import { environmentVariable } from '../../config.js';
import { EXIT } from '../cli-error.js';
import type { Finding } from '../doctor/check.js';
import { dockerChecks } from '../doctor/docker-checks.js';
import { Engine } from '../doctor/engine.js';
import { dataDirectory, machineChecks } from '../doctor/machine-checks.js';
import { serverChecks } from '../doctor/server-checks.js';
import { asTyped } from '../own-name.js';
import { clientOf, type CommonOptions } from '../session.js';
import { useDefaultDirectory } from './start.js';
import { styled } from '../terminal/output.js';
import { safeJson, safeLine } from '../terminal/safe-text.js';

export interface DoctorOptions extends CommonOptions {
  dockerHost?: string;
  image?: string;
}

export async function doctor(options: DoctorOptions): Promise<void> {
  const engine = new Engine(
    options.dockerHost ?? (environmentVariable('DOCKER_HOST') || 'unix:///var/run/docker.sock'),
  );
  const client = clientOf(options);
  const image = options.image ?? (environmentVariable('GLAMBDAR_IMAGE') || null);
  const findings: Finding[] = [];
  const add = (found: Finding[]): void => {
    findings.push(...found);
    if (!options.json) for (const one of found) process.stdout.write(`${lineOf(one)}\n`);
  };
  add(machineChecks(useDefaultDirectory));
  add(await dockerChecks(engine, image, dataDirectory()));
  add(await serverChecks(client));
  if (options.json) process.stdout.write(`${safeJson(findings)}\n`);
  if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
}

function lineOf({ title, ok, found, remedy }: Finding): string {
  const mark = ok ? styled('green', '✓') : styled('red', '✗');
  const line = `${mark} ${title.padEnd(14)} ${safeLine(found)}`;
  return ok ? line : `${line}\n  ${''.padEnd(14)} → ${asTyped(remedy)}`;
}
