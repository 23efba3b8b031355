/**
 * Owns installing packages: npm in a container without a network, the registry proxy as its only way out, and the tree that
 * comes back as data in one file. Two installs run at once; others wait.
 *
 * 1. a slot with the manifest and two sockets   2. the container   3. its result is written to a file, bounded
 * 4. the container is removed, and its uid is free again, whatever happened
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { DriverError, type Driver } from '../driver/driver.js';
import { GlambdarError } from '../errors.js';
import { faultPoint } from '../faults.js';
import { InstalledFile } from '../installed-file.js';
import type { Logger } from '../logger.js';
import type { ContainerImage } from '../model/container-image.js';
import { DownloadProgress } from './download-progress.js';
import { findHostNpm, type HostNpm } from './host-npm.js';
import { installContainer, registryInContainer } from './install-container.js';
import { installFailure, tooLargeSentence } from './install-failure.js';
import { openInstallSlot } from './install-slot.js';
import { visibleNpm } from './npm-copy.js';
import { RegistryClient } from './registry-client.js';
import { createRegistryProxy, type ProxyEntry } from './registry-proxy.js';
import { ResultHeader } from './result-header.js';

/** Its path is the same from `src/install/` and from `dist/src/install/`. */
const PROGRAM = fileURLToPath(new URL('../../worker/npm/main.cjs', import.meta.url));
/** A package costs at most two requests, and a tree has at most some thousand packages. */
const MAX_REQUESTS = 20_000;
/** Bytes of a frame that names a file: a path of up to 512 bytes, escaped, and its fields. */
const FRAME_BYTES = 2048;
/** How long an ended container's exit is waited for, to learn whether the kernel ended it. */
const EXIT_MS = 2_000;
/** The end of a container may be reported before its last connection is. */
const LATE_MS = 500;

/** What scripts of packages need beside Node: path in the container → where this machine may have it. */
const SCRIPT_PROGRAMS = {
  '/bin/sh': ['/bin/dash', '/bin/sh', '/bin/busybox'],
  '/usr/bin/env': ['/usr/bin/env'],
};

export interface NpmInstallerOptions {
  driver: Pick<Driver, 'start' | 'remove' | 'onExit' | 'exitState' | 'imageId'>;
  image: ContainerImage;
  /** Absolute path of the directory of slots. */
  runDir: string;
  /** Absolute path for the program of the container; made when it is missing, inside `runDir`. */
  programDir: string;
  /** First of `installsAtOnce` uids that belong to nobody else. */
  uidBase: number;
  /** The operator's registry, or null for what npm is configured with. */
  registry: URL | null;
  timeoutMs: number;
  logger: Logger;
  /** Called for each request that a container made, when it has ended. */
  onRequest?: (entry: ProxyEntry) => void;
}

export interface InstallJob {
  /** Content of `package.json`. */
  manifest: string;
  /** Content of `package-lock.json`, or null when there is none. */
  lockfile: string | null;
  installScripts: boolean;
  limits: { maxUnpackedBytes: number; maxEntries: number };
  /** Absolute path of a file that does not exist: it gets the tree, as archives of the format `tree` are. */
  treeFile: string;
  signal: AbortSignal;
  /** Gets sentences for the caller. */
  progress: (line: string) => void;
}

export class NpmInstaller {
  readonly #options: NpmInstallerOptions;
  readonly #program: InstalledFile;
  readonly #programs = new Set<string>();
  readonly #uids: number[];
  readonly #waiting: ((uid: number) => void)[] = [];
  #npm: Promise<HostNpm> | undefined;

  /** How many installs run at once. */
  static readonly installsAtOnce = 2;

  constructor(options: NpmInstallerOptions) {
    this.#options = options;
    this.#program = new InstalledFile(join(options.programDir, 'main.cjs'), readFileSync(PROGRAM, 'utf8'));
    this.#uids = Array.from({ length: NpmInstaller.installsAtOnce }, (_, index) => options.uidBase + index);
  }

  /** Real paths on this machine that containers of installs have mounted; known once the first install was asked for. */
  hostPrograms(): readonly string[] {
    return [...this.#programs];
  }

  environment(): string {
    return `${this.#options.driver.imageId(this.#options.image)} ${process.arch}`;
  }

  /** The registry, and the same as containers see it. Rejects with INSTALL_UNAVAILABLE. */
  async registry(): Promise<{ url: URL; inContainer: URL }> {
    const { registry } = await this.#hostNpm();
    return { url: registry.url, inContainer: registryInContainer(registry.url.pathname) };
  }

  /**
   * Installs, and resolves when `treeFile` is written. `isWhole` is false when some request failed though npm was content: an
   * optional package may be missing, so the tree is not to be kept. Rejects with INSTALL_FAILED, BUNDLE_TOO_LARGE, INSTALL_UNAVAILABLE,
   * DRIVER_UNAVAILABLE, CANCELLED (or the signal's reason when that is a GlambdarError), and the file system's errors.
   */
  async install(job: InstallJob): Promise<{ isWhole: boolean }> {
    const npm = await this.#hostNpm();
    // An image of the operator's has its own programs, or none.
    const isBuiltIn = this.#options.image.type === 'node';
    const programs = job.installScripts && isBuiltIn ? scriptPrograms() : {};
    for (const path of [npm.directory, ...Object.values(programs)]) this.#programs.add(path);
    const uid = await this.#takeUid(job);
    try {
      return await this.#installAs(uid, npm, programs, job);
    } finally {
      this.#giveUid(uid);
    }
  }

  async #installAs(
    uid: number,
    npm: HostNpm,
    programs: Record<string, string>,
    job: InstallJob,
  ): Promise<{ isWhole: boolean }> {
    const { driver, image, runDir, programDir, timeoutMs, logger } = this.#options;
    const { url } = npm.registry;
    const id = `install${randomBytes(8).toString('hex')}`;
    const slotDir = join(runDir, id);
    const entries: ProxyEntry[] = [];
    const downloads = new DownloadProgress(job.progress);
    const client = new RegistryClient(npm.registry);
    const life = new AbortController();
    const onAbort = (): void => life.abort(cancelled(job.signal));
    const timer = setTimeout(() => life.abort(tooSlow(timeoutMs)), timeoutMs);
    let slot: ReturnType<typeof openInstallSlot> | undefined;
    let stopListening = (): void => undefined;
    let isReceiving = false;
    try {
      if (job.signal.aborted) throw cancelled(job.signal);
      job.signal.addEventListener('abort', onAbort, { once: true });
      this.#program.repair();
      const registry = createRegistryProxy({
        client,
        basePath: url.pathname,
        limits: { maxRequests: MAX_REQUESTS, maxBytes: 2 * job.limits.maxUnpackedBytes + 256 * 2 ** 20 },
        onEntry: (entry) => {
          entries.push(entry);
          downloads.add(entry);
          logger.debug({ install: id, ...entry, cause: undefined, err: entry.cause }, 'registry request');
          this.#options.onRequest?.(entry);
        },
      });
      slot = openInstallSlot({ dir: slotDir, uid, files: filesOf(job), registry });
      const { result } = slot;
      const spec = installContainer({
        id,
        image,
        uid,
        slotDir,
        programDir,
        npmDir: npm.directory,
        programs,
        isLocked: job.lockfile !== null,
        installScripts: job.installScripts,
        basePath: url.pathname,
        timeoutMs,
        limits: job.limits,
      });
      const ended = new Promise<'ended'>((resolve) => {
        life.signal.addEventListener('abort', () => resolve('ended'), { once: true });
      });
      const started = driver.start(spec, life.signal);
      started.then(
        () =>
          (stopListening = driver.onExit(id, () =>
            setTimeout(() => isReceiving || life.abort('ended'), LATE_MS),
          )),
        (error: unknown) => life.abort(error),
      );
      faultPoint('install.started');
      const connection = await Promise.race([result, ended]);
      if (connection === 'ended') throw life.signal.reason;
      isReceiving = true;
      downloads.end();
      const outcome = await this.#receive(connection, job, life.signal);
      if (outcome.code === 0) return { isWhole: isWhole(entries) };
      const outOfMemory = (await driver.exitState(id, EXIT_MS))?.oomKilled ?? false;
      throw installFailure({
        log: outcome.log,
        entries,
        outOfMemory,
        registryUrl: registryInContainer(url.pathname).href,
        maxUnpackedBytes: job.limits.maxUnpackedBytes,
      });
    } catch (error) {
      throw await this.#explained(id, error, { entries, job, url });
    } finally {
      clearTimeout(timer);
      job.signal.removeEventListener('abort', onAbort);
      stopListening();
      life.abort('ended');
      slot?.close();
      client.close();
      await driver.remove(id, { urgent: true }).catch((err: unknown) =>
        // The reaper removes it within half a minute.
        logger.warn({ err, install: id }, 'the container of an install could not be removed'),
      );
    }
  }

  /** Writes the tree of a result to the job's file. Resolves with how npm ended. */
  async #receive(
    connection: Socket,
    job: InstallJob,
    signal: AbortSignal,
  ): Promise<{ code: number | null; log: string }> {
    const { maxUnpackedBytes, maxEntries } = job.limits;
    const header = new ResultHeader();
    let left = maxUnpackedBytes + (maxEntries + 1) * FRAME_BYTES;
    const bounded = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        left -= chunk.length;
        if (left < 0) done(new GlambdarError('BUNDLE_TOO_LARGE', tooLargeSentence(maxUnpackedBytes)));
        else done(null, chunk);
      },
    });
    connection.once('data', () => job.progress('Receiving the installed packages.'));
    const file = createWriteStream(job.treeFile, { flags: 'wx', mode: 0o600 });
    await pipeline(connection, header, bounded, file, { signal });
    return header.outcome ?? { code: null, log: '' };
  }

  /** The error for the client: ours as it is; a container that ended before it had a result; Docker's as unavailable. */
  async #explained(
    id: string,
    error: unknown,
    { entries, job, url }: { entries: ProxyEntry[]; job: InstallJob; url: URL },
  ): Promise<unknown> {
    const { driver, logger } = this.#options;
    const reason =
      (error as { name?: string } | null)?.name === 'AbortError'
        ? ((error as Error).cause ?? 'ended')
        : error;
    if (reason instanceof GlambdarError) return reason;
    if (reason instanceof DriverError) {
      const message = 'The containers of this server are not available; try again later.';
      return new GlambdarError('DRIVER_UNAVAILABLE', message, { cause: reason });
    }
    if (reason !== 'ended') return reason;
    const exit = await driver.exitState(id, EXIT_MS);
    const { stderr } = await driver
      .remove(id, { urgent: true, outputBytes: 4096 })
      .catch(() => ({ stderr: '' }));
    logger.warn({ install: id, exit, stderr }, 'the container of an install ended without a result');
    return installFailure({
      log: '',
      entries,
      outOfMemory: exit?.oomKilled ?? false,
      registryUrl: url.href,
      maxUnpackedBytes: job.limits.maxUnpackedBytes,
    });
  }

  /** Known once it has been found; a failure is tried again by the next install. */
  #hostNpm(): Promise<HostNpm> {
    const { registry, programDir } = this.#options;
    this.#npm ??= findHostNpm(registry)
      .then((npm) => visibleNpm(npm, `${programDir}-package`))
      .catch((error: unknown) => {
        this.#npm = undefined;
        throw error;
      });
    return this.#npm;
  }

  #takeUid({ signal, progress }: InstallJob): Promise<number> {
    if (signal.aborted) return Promise.reject(cancelled(signal));
    const free = this.#uids.pop();
    if (free !== undefined) return Promise.resolve(free);
    progress('Waiting for other installs.');
    return new Promise((resolve, reject) => {
      const take = (uid: number): void => {
        signal.removeEventListener('abort', leave);
        resolve(uid);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(cancelled(signal));
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #giveUid(uid: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#uids.push(uid);
    else next(uid);
  }
}

function filesOf({ manifest, lockfile }: InstallJob): Record<string, string> {
  return { 'package.json': manifest, ...(lockfile !== null && { 'package-lock.json': lockfile }) };
}

/** Whether every path was had in the end: npm goes on without an optional package that it could not get. */
function isWhole(entries: readonly ProxyEntry[]): boolean {
  const last = new Map(entries.map(({ path, status }) => [path, status]));
  return [...last.values()].every((status) => typeof status === 'number' && status < 400);
}

/** Throws INVALID_REQUEST when this machine lacks what scripts need. */
function scriptPrograms(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SCRIPT_PROGRAMS).map(([target, candidates]) => {
      const found = candidates.find((path) => existsSync(path));
      if (found !== undefined) return [target, realpathSync(found)];
      const message = `installScripts: this server's machine has no ${target}, which install scripts need. Deploy without installScripts, or bring node_modules in the archive.`;
      throw new GlambdarError('INVALID_REQUEST', message);
    }),
  );
}

function cancelled({ reason }: AbortSignal): GlambdarError {
  if (reason instanceof GlambdarError) return reason;
  return new GlambdarError(
    'CANCELLED',
    'The deploy was cancelled while its dependencies were being installed.',
    {
      cause: reason,
    },
  );
}

function tooSlow(timeoutMs: number): GlambdarError {
  const message = `The dependencies were not installed within ${timeoutMs / 1000} s. Bring fewer, bring node_modules in the archive, or try again later.`;
  return new GlambdarError('INSTALL_FAILED', message);
}
