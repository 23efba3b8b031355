/** Owns `service`: the server as a unit of systemd. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CliError, EXIT } from '../cli-error.js';
import { styled } from '../terminal/output.js';

export interface ServiceOptions {
  print?: boolean;
  dir?: string;
  port?: string;
  nice?: string;
}

const UNIT = '/etc/systemd/system/glambdar.service';

export function service(verb: 'install' | 'uninstall', options: ServiceOptions): Promise<void> {
  const unit = verb === 'install' ? unitText(options) : '';
  const steps =
    verb === 'install'
      ? ['daemon-reload', 'enable --now glambdar.service']
      : ['disable --now glambdar.service'];
  if (options.print) {
    process.stdout.write(
      verb === 'install' ? unit : `systemctl ${steps[0]}\nrm ${UNIT}\nsystemctl daemon-reload\n`,
    );
    return Promise.resolve();
  }
  // The documented way to tell whether systemd runs this machine: sd_booted(3).
  if (!existsSync('/run/systemd/system'))
    throw new CliError(
      `systemd does not run this machine; \`glambdar service ${verb} --print\` shows what it would get.`,
    );
  if (process.getuid?.() !== 0)
    throw new CliError(`Writing ${UNIT} needs root; run it with sudo.`, EXIT.denied);
  if (verb === 'install') writeFileSync(UNIT, unit, { mode: 0o644 });
  for (const step of steps) systemctl(step);
  if (verb === 'uninstall') {
    rmSync(UNIT, { force: true });
    systemctl('daemon-reload');
  }
  process.stdout.write(
    `${styled('green', '✓')} the service is ${verb}ed; \`journalctl -u glambdar\` shows its log\n`,
  );
  return Promise.resolve();
}

function unitText({ dir = '', port = '', nice = '' }: ServiceOptions): string {
  if (!/^\/[^\s%"\\]*$/.test(dir))
    throw new CliError('--dir must be an absolute path without spaces.', EXIT.usage);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new CliError('--port must be a number up to 65535.', EXIT.usage);
  if (!/^-?\d{1,2}$/.test(nice) || Number(nice) < -20 || Number(nice) > 19)
    throw new CliError('--nice must be a whole number from -20 to 19.', EXIT.usage);
  const entry = fileURLToPath(new URL('../main.js', import.meta.url));
  return `[Unit]
Description=Glambdar, a serverless runtime
After=network-online.target docker.service
Wants=network-online.target
Requires=docker.service

[Service]
ExecStart="${process.execPath}" "${entry}" start
Environment=GLAMBDAR_DIR=${dir}
Environment=GLAMBDAR_PORT=${port}
# Before the functions it runs, whose containers compete for the same cores.
Nice=${nice}
OOMScoreAdjust=-500
Restart=always
RestartSec=2
# Running calls may finish: GLAMBDAR_SHUTDOWN_MS is 30 s, and containers are removed after that.
TimeoutStopSec=60
KillMode=mixed

[Install]
WantedBy=multi-user.target
`;
}

function systemctl(step: string): void {
  const { status, stderr } = spawnSync('systemctl', step.split(' '), { encoding: 'utf8' });
  if (status !== 0)
    throw new CliError(`systemctl ${step} failed: ${stderr.trim() || `exit code ${status}`}.`);
}
