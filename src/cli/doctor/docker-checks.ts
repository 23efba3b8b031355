/** Owns the checks of Docker: does it answer, is the image there, do its limits hold. */
import { judged, well, wrong, type Finding } from './check.js';
import { NoDaemonError, type Engine } from './engine.js';
import { probeContainer } from './probe-container.js';

const OWN_IMAGE = 'glambdar/node';
/** A clock that differs more than this makes tokens and logs wrong. */
const CLOCK_MS = 5_000;

interface EngineInfo {
  ServerVersion: string;
  SystemTime: string;
  Driver: string;
  CgroupVersion?: string;
}

/**
 * Nothing rejects: a daemon that fails midway is a finding.
 * @param image to use; null: the newest that a server built here
 * @param dataDir the server's directory, null when it is not known
 */
export async function dockerChecks(
  engine: Engine,
  image: string | null,
  dataDir: string | null,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    const info = await engine.json<Partial<EngineInfo> | null>('GET', '/info');
    if (typeof info?.ServerVersion !== 'string')
      throw new NoDaemonError('answers, but not as a Docker daemon does');
    findings.push(
      well(
        'Docker',
        `${info.ServerVersion} at ${engine.url}, storage ${info.Driver ?? 'unknown'}, cgroup v${info.CgroupVersion ?? '1'}`,
      ),
      clockCheck(info.SystemTime),
    );
    const { reference, finding } = await imageCheck(engine, image);
    findings.push(finding, ...(reference === null ? [] : await probeContainer(engine, reference, dataDir)));
  } catch (error) {
    findings.push(wrong('Docker', `${engine.url} ${reasonOf(error as Error)}`, remedyOf(error as Error)));
  }
  return findings;
}

async function imageCheck(
  engine: Engine,
  given: string | null,
): Promise<{ reference: string | null; finding: Finding }> {
  const reference = given ?? (await ownImage(engine));
  const isThere =
    reference !== null &&
    (await engine.send('GET', `/images/${encodeURIComponent(reference)}/json`)).status === 200;
  const finding = judged(
    'image',
    isThere,
    isThere ? reference : `${reference ?? OWN_IMAGE} is not there`,
    given === null
      ? 'Start a server once with `glambdar start`; it builds the image.'
      : `Run \`docker pull ${given}\`.`,
  );
  return { reference: isThere ? reference : null, finding };
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

/** @param systemTime the daemon's, RFC 3339 */
function clockCheck(systemTime = ''): Finding {
  const now = Date.now();
  const differsMs = Math.abs(Date.parse(systemTime) - now);
  const isPlausible = now > Date.parse('2025-01-01T00:00:00Z');
  const differs = Number.isNaN(differsMs) ? 'an unknown time' : `${(differsMs / 1_000).toFixed(1)} s`;
  return judged(
    'clock',
    differsMs < CLOCK_MS && isPlausible,
    isPlausible ? `differs from Docker's by ${differs}` : `says ${new Date(now).toISOString()}`,
    'Set the clock, for instance with systemd-timesyncd.',
  );
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error instanceof NoDaemonError) return error.message;
  const reasons: Record<string, string> = {
    ENOENT: 'is not there',
    ECONNREFUSED: 'refuses connections',
    EACCES: 'may not be used by you',
  };
  return reasons[error.code ?? ''] ?? `does not answer: ${error.message}`;
}

function remedyOf(error: NodeJS.ErrnoException): string {
  if (error instanceof NoDaemonError)
    return 'Set DOCKER_HOST to a Docker daemon, such as unix:///var/run/docker.sock or tcp://127.0.0.1:2375, or unset it.';
  return error.code === 'EACCES'
    ? 'Join the group docker (sudo usermod -aG docker "$USER", then log in again), or use sudo.'
    : 'Start Docker (sudo systemctl start docker), install it (sudo apt-get install docker.io), or set DOCKER_HOST.';
}
