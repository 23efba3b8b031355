/**
 * Owns what this machine's npm is: where its package lies, and how it reaches its registry (address, credentials, proxy,
 * certificates). Found out once, when the first install asks.
 */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { environmentVariable } from '../config.js';
import { GlambdarError } from '../errors.js';
import { authorizationFor, parseNpmrc } from './npmrc.js';

const run = promisify(execFile);
const CONFIG_LIMIT_MS = 30_000;

/** How a registry is reached from this machine. */
export interface RegistryAccess {
  /** Of http or https; its path ends with `/`. */
  url: URL;
  /** Value of the `Authorization` header, or null. */
  authorization: string | null;
  /** The proxy on the way, or null. */
  proxy: URL | null;
  /** Certificates to trust instead of Node's own, as PEM. */
  ca: string[] | undefined;
  /** False when npm's `strict-ssl` is off. */
  rejectUnauthorized: boolean;
}

export interface HostNpm {
  /** Absolute real path of npm's package. */
  directory: string;
  registry: RegistryAccess;
}

type NpmConfig = Record<string, unknown>;

/**
 * @param registry the operator's choice, or null for what npm is configured with
 * Rejects with INSTALL_UNAVAILABLE when there is no usable npm.
 */
export async function findHostNpm(registry: URL | null): Promise<HostNpm> {
  const directory = npmDirectory();
  const config = await npmConfig(directory);
  return { directory, registry: await registryAccess(registry, config) };
}

/** The package that the command `npm` of this machine runs, or the one beside this process's Node. */
function npmDirectory(): string {
  const commands = (environmentVariable('PATH') ?? '').split(delimiter).map((folder) => join(folder, 'npm'));
  const candidates = [...commands, join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')];
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue;
    const directory = dirname(dirname(realpathSync(candidate)));
    // Some distributions take npm's own packages apart; such an npm does not run from one directory.
    if (
      ['bin/npm-cli.js', 'node_modules/pacote', 'package.json'].every((path) =>
        existsSync(join(directory, path)),
      )
    )
      return directory;
  }
  throw new GlambdarError(
    'INSTALL_UNAVAILABLE',
    'This server cannot install dependencies: its machine has no npm. Bring node_modules in the archive, or ask whoever runs the server to install npm.',
  );
}

/** In the root directory, because the configuration of a project is not the machine's. */
async function npmConfig(directory: string): Promise<NpmConfig> {
  try {
    const args = [join(directory, 'bin/npm-cli.js'), 'config', 'ls', '-l', '--json'];
    const { stdout } = await run(process.execPath, args, {
      cwd: '/',
      timeout: CONFIG_LIMIT_MS,
      maxBuffer: 4 * 2 ** 20,
    });
    return JSON.parse(stdout) as NpmConfig;
  } catch (cause) {
    throw new GlambdarError(
      'INSTALL_UNAVAILABLE',
      "This server cannot install dependencies: its npm does not tell its configuration. The server's log has the reason.",
      { cause },
    );
  }
}

async function registryAccess(chosen: URL | null, config: NpmConfig): Promise<RegistryAccess> {
  const text = (key: string): string | null => {
    const value = config[key];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const url = new URL(chosen ?? text('registry') ?? 'https://registry.npmjs.org/');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  const files = [text('globalconfig'), text('userconfig')].filter((path) => path !== null);
  const texts = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  const settings = parseNpmrc(texts, environmentVariable);
  const cafile = text('cafile');
  const given = typeof config['ca'] === 'string' ? [config['ca']] : (config['ca'] as string[] | null);
  return {
    url,
    authorization: authorizationFor(url, settings),
    proxy: proxyFor(url, text, config['noproxy']),
    ca: cafile === null ? (given ?? undefined) : [await readFile(cafile, 'utf8')],
    rejectUnauthorized: config['strict-ssl'] !== false,
  };
}

/** By npm's settings, then by the variables that npm heeds. */
function proxyFor(url: URL, text: (key: string) => string | null, noproxy: unknown): URL | null {
  const variable = (name: string): string | undefined =>
    environmentVariable(name) || environmentVariable(name.toLowerCase()) || undefined;
  const isSecure = url.protocol === 'https:';
  const proxy =
    (isSecure ? text('https-proxy') : null) ??
    text('proxy') ??
    (isSecure ? variable('HTTPS_PROXY') : undefined) ??
    variable('HTTP_PROXY') ??
    null;
  const listed = Array.isArray(noproxy) ? noproxy.join(',') : typeof noproxy === 'string' ? noproxy : '';
  const direct = (listed || (variable('NO_PROXY') ?? ''))
    .split(',')
    .map((host) => host.trim().replace(/^\*?\./, ''));
  const isDirect = direct.some(
    (host) => host === '*' || (host !== '' && (url.hostname === host || url.hostname.endsWith(`.${host}`))),
  );
  if (proxy === null || isDirect) return null;
  return new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}
