/** Owns the checks of Docker: does it answer, is the image there, do its limits hold. */
import { release } from 'node:os';
import { judged, well, wrong, type Finding } from './check.js';
import type { Engine } from './engine.js';
import { probeContainer } from './probe-container.js';

const OWN_IMAGE = 'glambdar/node';
/** A clock that differs more than this makes tokens and logs wrong. */
const CLOCK_MS = 5_000;
const NODE = [20, 19] as const;

interface EngineInfo {
  ServerVersion: string;
  SystemTime: string;
  Driver: string;
  CgroupVersion?: string;
}

/** @param image to use; null: the newest that a server built here */
export async function dockerChecks(engine: Engine, image: string | null): Promise<Finding[]> {
  let info: EngineInfo;
  try {
    info = await engine.json<EngineInfo>('GET', '/info');
  } catch (error) {
    return [
      wrong(
        'Docker',
        `${engine.url} ${reasonOf(error as NodeJS.ErrnoException)}`,
        remedyOf(error as NodeJS.ErrnoException),
      ),
    ];
  }
  const found = image ?? (await ownImage(engine));
  const isThere =
    found !== null && (await engine.send('GET', `/images/${encodeURIComponent(found)}/json`)).status === 200;
  return [
    well(
      'Docker',
      `${info.ServerVersion} at ${engine.url}, storage ${info.Driver}, cgroup v${info.CgroupVersion ?? '1'}`,
    ),
    judged(
      'image',
      isThere,
      isThere ? (found ?? '') : `${found ?? OWN_IMAGE} is not there`,
      image === null
        ? 'Start a server once with `glambdar start`; it builds the image.'
        : `Run \`docker pull ${image}\`.`,
    ),
    ...(isThere && found !== null ? await probeContainer(engine, found) : []),
    clockCheck(info.SystemTime),
  ];
}

/** The version of Node.js and the kernel, as the server needs them. */
export function versionCheck(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return judged(
    'versions',
    fits,
    `Node.js ${process.versions.node}, Linux ${release()}`,
    `Install Node.js ${NODE.join('.')} or newer.`,
  );
}

async function ownImage(engine: Engine): Promise<string | null> {
  const filters = encodeURIComponent(JSON.stringify({ reference: [OWN_IMAGE] }));
  const images = await engine.json<{ RepoTags: string[] | null; Created: number }[]>(
    'GET',
    `/images/json?filters=${filters}`,
  );
  const [newest] = images.sort((a, b) => b.Created - a.Created);
  return newest?.RepoTags?.[0] ?? null;
}

function clockCheck(systemTime: string): Finding {
  const differs = Math.abs(Date.parse(systemTime) - Date.now());
  const isPlausible = Date.now() > Date.parse('2025-01-01T00:00:00Z');
  return judged(
    'clock',
    differs < CLOCK_MS && isPlausible,
    isPlausible
      ? `differs from Docker's by ${(differs / 1_000).toFixed(1)} s`
      : `says ${new Date().toISOString()}`,
    'Set the clock, for instance with systemd-timesyncd.',
  );
}

function reasonOf(error: NodeJS.ErrnoException): string {
  const reasons: Record<string, string> = {
    ENOENT: 'is not there',
    ECONNREFUSED: 'refuses connections',
    EACCES: 'may not be used by you',
  };
  return reasons[error.code ?? ''] ?? `does not answer: ${error.message}`;
}

function remedyOf({ code }: NodeJS.ErrnoException): string {
  return code === 'EACCES'
    ? 'Join the group docker (sudo usermod -aG docker "$USER", then log in again), or use sudo.'
    : 'Start Docker (sudo systemctl start docker), install it (sudo apt-get install docker.io), or set DOCKER_HOST.';
}
