/** Owns `service`: the server as a unit of systemd. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../config.js';
import { CliError, EXIT } from '../cli-error.js';
import { flagErrorOf, variablesOf, type FlagValues } from '../config-flags.js';
import { printResult, styled } from '../terminal/output.js';

export interface ServiceOptions extends FlagValues {
  print?: boolean;
  json?: boolean;
  dir?: string;
  nice?: string;
}

type Verb = 'install' | 'uninstall';

const NAME = 'glambdar.service';
const UNIT = `/etc/systemd/system/${NAME}`;
/** Calls may finish first; after them containers are removed. */
const REMOVAL_SECONDS = 30;

/** Commands of systemctl. A service that runs already gets its new unit by the restart. */
const STEPS: Readonly<Record<Verb, { before: string[]; after: string[] }>> = {
  install: { before: [], after: ['daemon-reload', `enable ${NAME}`, `restart ${NAME}`] },
  uninstall: { before: [`stop ${NAME}`, `disable ${NAME}`], after: ['daemon-reload'] },
};

export function service(verb: Verb, options: ServiceOptions): Promise<void> {
  const unit = verb === 'install' ? unitText(options) : null;
  const { before, after } = STEPS[verb];
  const isJson = options.json === true;
  if (options.print) {
    const commands = [
      ...before.map(command),
      ...(unit === null ? [`rm ${UNIT}`] : []),
      ...after.map(command),
    ];
    if (isJson) printResult(true, { file: UNIT, unit, commands }, () => '');
    // Byte for byte: a path in it may have signs that a terminal would not show.
    else process.stdout.write(unit ?? `${commands.join('\n')}\n`);
    return Promise.resolve();
  }
  // The documented way to tell whether systemd runs this machine: sd_booted(3).
  if (!existsSync('/run/systemd/system'))
    throw new CliError(
      `systemd does not run this machine; \`glambdar service ${verb} --print\` shows what it would get.`,
    );
  if (process.getuid?.() !== 0)
    throw new CliError(
      `${unit === null ? 'Removing' : 'Writing'} ${UNIT} needs root; run it with sudo.`,
      EXIT.denied,
    );
  if (unit === null && !existsSync(UNIT))
    throw new CliError(`There is no ${UNIT}: the service is not installed.`, EXIT.notFound);
  for (const step of before) systemctl(step);
  if (unit === null) rmSync(UNIT, { force: true });
  else writeFileSync(UNIT, unit, { mode: 0o644 });
  for (const step of after) systemctl(step);
  const more = verb === 'install' ? '; `journalctl -u glambdar` shows its log' : '; its data is still there';
  printResult(
    isJson,
    { file: UNIT, status: `${verb}ed` },
    () => `${styled('green', '✓')} the service is ${verb}ed${more}`,
  );
  return Promise.resolve();
}

/** Throws CliError for a flag with a value that the server would refuse. */
function unitText({ dir = '', nice = '', ...flags }: ServiceOptions): string {
  if (!/^-?\d{1,2}$/.test(nice) || Number(nice) < -20 || Number(nice) > 19)
    throw new CliError(`--nice is "${nice}"; expected a whole number from -20 to 19.`, EXIT.usage);
  const variables = variablesOf({ ...flags, dir: resolve(dir) });
  const shutdownMs = shutdownMsOf(variables);
  // A daemon elsewhere is no unit of this machine.
  const docker = variables.some(([name]) => name === 'DOCKER_HOST') ? '' : ' docker.service';
  const entry = fileURLToPath(new URL('../main.js', import.meta.url));
  return `[Unit]
Description=Glambdar, a serverless runtime
After=network-online.target${docker}
Wants=network-online.target
${docker && `Requires=${docker.trim()}\n`}
[Service]
ExecStart=${quoted(process.execPath)} ${argument(entry)} start
${variables.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`).join('\n')}
# Before the functions it runs, whose containers compete for the same cores.
Nice=${nice}
OOMScoreAdjust=-500
Restart=always
RestartSec=2
# Running calls may finish: GLAMBDAR_SHUTDOWN_MS is ${shutdownMs / 1_000} s, and containers are removed after that.
TimeoutStopSec=${Math.ceil(shutdownMs / 1_000) + REMOVAL_SECONDS}
KillMode=mixed

[Install]
WantedBy=multi-user.target
`;
}

/** The server's own check of the variables, which says how long it takes to stop. */
function shutdownMsOf(variables: [name: string, value: string][]): number {
  try {
    return readConfig(Object.fromEntries(variables)).shutdownMs;
  } catch (error) {
    throw flagErrorOf(error, variables) ?? error;
  }
}

/** Quoted as systemd.syntax(7) says; `%` begins a specifier. Throws CliError for what no line of a unit can hold. */
function quoted(text: string): string {
  if (/\p{Cc}/u.test(text))
    throw new CliError(
      `${JSON.stringify(text)} has control characters, which a unit cannot hold.`,
      EXIT.usage,
    );
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;
}

/** A word of a command after its program: there `$` begins a variable, too. */
function argument(text: string): string {
  return quoted(text).replaceAll('$', '$$$$');
}

function command(step: string): string {
  return `systemctl ${step}`;
}

function systemctl(step: string): void {
  const { error, status, stderr } = spawnSync('systemctl', step.split(' '), { encoding: 'utf8' });
  if (error) throw new CliError(`systemctl could not be started: ${error.message}.`);
  if (status !== 0) throw new CliError(`${command(step)} failed: ${stderr.trim() || `exit code ${status}`}`);
}
