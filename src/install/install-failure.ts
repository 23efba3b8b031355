/** Owns what a failed install means: a sentence that names the fault and the remedy, and whose fault it is. Pure. */
import { GlambdarError } from '../errors.js';
import { printable } from '../model/printable.js';
import type { ProxyEntry } from './registry-proxy.js';

const MAX_LOG_CHARACTERS = 4096;

export interface FailedInstall {
  /** The end of what npm printed. */
  log: string;
  /** Requests to the registry, in the order of their ends. */
  entries: readonly ProxyEntry[];
  /** The kernel ended a process of the container because of its memory. */
  outOfMemory: boolean;
  /** The registry as npm saw it; its URLs are of no use to a client. */
  registryUrl: string;
  maxUnpackedBytes: number;
}

type Verdict = [code: 'INSTALL_FAILED' | 'INSTALL_UNAVAILABLE' | 'BUNDLE_TOO_LARGE', sentence: string];

/** The error for the client, with the end of npm's log as the detail `log`. The cause is for the server's log. */
export function installFailure(failed: FailedInstall): GlambdarError {
  const [code, sentence] = verdictOn(failed);
  const cause = failed.entries.find((entry) => entry.cause !== undefined)?.cause;
  const log = shownLog(failed.log, failed.registryUrl);
  return new GlambdarError(code, sentence, { cause, details: log === '' ? {} : { log } });
}

/** What npm prints, without control sequences, URLs of our own and the hint at a log file that nobody can read. */
export function shownLog(log: string, registryUrl: string): string {
  const plain = log.replaceAll(registryUrl, '<registry>/').replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
  return withoutUsage(plain.split('\n'))
    .filter(
      (line) => !/complete log of this run|^npm (error|ERR!)\s+\/tmp\/|_logs|Log files were not/.test(line),
    )
    .join('\n')
    .trim()
    .slice(-MAX_LOG_CHARACTERS);
}

/** Without the lines about how to call npm, which the caller did not do. */
function withoutUsage(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => /^npm (?:error|ERR!) Usage:/.test(line));
  const last = lines.findIndex((line, index) => index >= first && /Run "npm help \w+"/.test(line));
  return first === -1 || last === -1 ? lines : [...lines.slice(0, first), '', ...lines.slice(last + 1)];
}

function verdictOn({ log, entries, outOfMemory, maxUnpackedBytes }: FailedInstall): Verdict {
  const code = /^npm (?:error|ERR!) code (\S+)/m.exec(log)?.[1] ?? '';
  if (outOfMemory)
    return [
      'INSTALL_FAILED',
      'The dependencies cannot be installed: npm needs more memory than an install may take. Bring fewer, or bring node_modules in the archive.',
    ];
  if (code === 'ENOSPC' || code === 'EFBIG' || code === 'EDQUOT')
    return ['BUNDLE_TOO_LARGE', tooLargeSentence(maxUnpackedBytes)];
  if (code === 'EUSAGE' || /can only install packages when your package\.json/.test(log))
    return [
      'INSTALL_FAILED',
      'The lockfile does not fit package.json. Run "npm install" where the function is written, and deploy both files.',
    ];
  if (code === 'ETARGET') {
    const wanted = /No matching version found for (\S+?)\.?(?:\s|$)/.exec(log)?.[1];
    return [
      'INSTALL_FAILED',
      `The registry has no version that package.json asks for${wanted === undefined ? '' : `: ${printable(wanted)}`}. Correct the version.`,
    ];
  }
  if (code === 'EINTEGRITY')
    return [
      'INSTALL_FAILED',
      'The registry has another package than the lockfile names: its checksum differs. Make the lockfile again, or ask why the package was changed.',
    ];
  if (code === 'ERESOLVE')
    return [
      'INSTALL_FAILED',
      'The dependencies contradict each other, so npm finds no set of versions that fits. Run "npm install" where the function is written to see which.',
    ];
  if (code === 'EBADPLATFORM' || code === 'EBADENGINE')
    return [
      'INSTALL_FAILED',
      'A dependency does not run on the Linux and Node.js that functions run on. The log names it; leave it out or choose another version.',
    ];
  return verdictOnRequests(log, entries);
}

/** By how the last request for each path ended: npm asks again when an answer does not please it. */
function verdictOnRequests(log: string, entries: readonly ProxyEntry[]): Verdict {
  const last = [...new Map(entries.map((entry) => [entry.path, entry])).values()];
  const withStatus = (...statuses: ProxyEntry['status'][]): ProxyEntry | undefined =>
    last.find(({ status }) => statuses.includes(status));
  const missing = withStatus(404, 410);
  if (missing !== undefined)
    return [
      'INSTALL_FAILED',
      `The registry has no ${shownPackage(missing.path)}. Correct its name or version in package.json.`,
    ];
  const forbidden = withStatus(401, 403);
  if (forbidden !== undefined)
    return [
      'INSTALL_UNAVAILABLE',
      `The registry does not give this server ${shownPackage(forbidden.path)}. Ask whoever runs the server for credentials of the registry.`,
    ];
  const redirected = last.find(
    ({ status }) => typeof status === 'number' && status >= 300 && status < 400 && status !== 304,
  );
  if (redirected !== undefined)
    return [
      'INSTALL_UNAVAILABLE',
      `The registry answers the request for ${shownPackage(redirected.path)} with a redirect, which this server does not follow. Ask whoever runs the server for another registry.`,
    ];
  const broken = last.find(
    ({ status }) => status === 'failed' || (typeof status === 'number' && (status >= 500 || status === 429)),
  );
  if (broken !== undefined)
    return [
      'INSTALL_UNAVAILABLE',
      'The package registry of this server does not answer, so the dependencies cannot be installed. Try again later.',
    ];
  const refused = withStatus('refused');
  if (refused !== undefined)
    return [
      'INSTALL_FAILED',
      `A dependency asks for ${printable(refused.path)}, which is no package of the registry. Use packages of the registry only.`,
    ];
  if (/spawn git|EALLOWGIT|EALLOWREMOTE/i.test(log) || log.split('\n').some(isAboutMissingGit))
    return [
      'INSTALL_FAILED',
      'A dependency of a dependency is to be fetched from elsewhere than the registry, which is not allowed. The log names it.',
    ];
  if (/command failed|ELIFECYCLE/.test(log))
    return ['INSTALL_FAILED', 'An install script of a dependency failed. The log has what it printed.'];
  return ['INSTALL_FAILED', 'npm could not install the dependencies. The log has what it printed.'];
}

/** In two steps: one expression for both would take a time that grows with the square of the line's length. */
function isAboutMissingGit(line: string): boolean {
  const git = line.search(/\bgit\b/i);
  return git !== -1 && /ENOENT|not found|ls-remote/i.test(line.slice(git));
}

/** A BUNDLE_TOO_LARGE's sentence about code and dependencies together. */
export function tooLargeSentence(maxUnpackedBytes: number): string {
  return `The code with its dependencies takes more than ${maxUnpackedBytes} bytes. Leave out what the function does not need.`;
}

/** The package that a path of the registry is about, without the path of the registry itself. */
function shownPackage(path: string): string {
  const pathname = path.split('?', 1)[0]!.replaceAll(/%2f/gi, '/');
  const archive = /((?:@[^/]+\/)?[^/]+)\/-\/([^/]+)\.tgz$/.exec(pathname);
  if (archive !== null) return `archive ${printable(archive[2]!)} of ${printable(archive[1]!)}`;
  const name = /((?:@[^/]+\/)?[^/]+)$/.exec(pathname);
  return `package ${printable(name?.[1] ?? pathname)}`;
}
