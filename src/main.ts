/** Owns the process: its configuration, its first line, its signals, its exit code. */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { ConfigError, readConfig } from './config.js';
import { DriverError } from './driver/driver.js';
import { armFault } from './faults.js';
import { ListenError } from './http/server.js';
import { createLogger } from './logger.js';
import { startRuntime, type Runtime } from './roles/all-in-one.js';
import { StartupError } from './model/startup-error.js';

// Nothing the server writes is anybody else's business; what must be readable is given its mode explicitly.
process.umask(0o077);

/** Everybody waits for this process, and starting containers keeps all cores busy: it goes first, where it may. */
try {
  setPriority(-10);
} catch {
  // Without the right to it the server is slower under load, and else the same.
}

// Outside of systemd the kernel shares the cores between sessions first, and a process's priority counts only within its own.
if (setSessionPriority(-10))
  // A shell of this session may stay.
  process.once('exit', () => setSessionPriority(0));

/** Whether it could be done: there may be no such thing here, or it is not ours to change. */
function setSessionPriority(nice: number): boolean {
  try {
    writeFileSync('/proc/self/autogroup', String(nice));
    return true;
  } catch {
    return false;
  }
}

/** After a second signal there is this long to remove containers; what is left is the next start's. */
const HURRY_MS = 2_000;

/** Signals closer together than this are one. */
const SAME_SIGNAL_MS = 1_000;

// Whoever cannot be told (a full disk, a closed pipe) does not end the server.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const started = performance.now();
try {
  const config = readConfig();
  armFault(config.fault);
  const logger = createLogger(config.logLevel);
  process.on('uncaughtException', (err) => {
    // Crash-only: the next start is the recovery.
    try {
      logger.fatal({ err }, 'uncaught exception');
    } finally {
      process.exit(1);
    }
  });

  // Before anything is started: who reads the first line may send a signal at once.
  let runtime: Runtime | null = null;
  let stoppingSince: number | null = null;
  const stop = (signal: NodeJS.Signals): void => {
    // Nothing is running yet, and what was begun the next start puts in order.
    if (runtime === null) process.exit(0);
    const now = performance.now();
    if (stoppingSince !== null) {
      // npm and process groups deliver one signal twice; who is impatient sends another.
      if (now - stoppingSince < SAME_SIGNAL_MS) return;
      logger.warn({ signal }, 'stopping now');
      process.exitCode = 1;
      setTimeout(() => process.exit(1), HURRY_MS);
      void runtime.close(0);
      return;
    }
    stoppingSince = now;
    logger.info({ signal, graceMs: config.shutdownMs }, 'stopping');
    runtime.close(config.shutdownMs).then(
      () => process.exit(),
      (err: unknown) => {
        logger.error({ err }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', stop);

  runtime = await startRuntime({
    config,
    logger,
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`Glambdar is ready at ${runtime.url}\n`);
  logger.info(
    { url: runtime.url, dir: config.dir, startMs: Math.round(performance.now() - started) },
    'ready',
  );
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.host))
    logger.warn(
      { host: config.host },
      'anybody who can reach this address can deploy and run code: there are no accounts',
    );
} catch (error) {
  const expected = [ConfigError, DriverError, ListenError, StartupError].some(
    (kind) => error instanceof kind,
  );
  process.stderr.write(
    `glambdar: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exit(1);
}
