/** Owns the process: its configuration, its first line, its signals, its exit code. */
import { setFlagsFromString } from 'node:v8';
import { systemClock } from './clock.js';
import { ConfigError, readConfig } from './config.js';
import { DriverError } from './driver/driver.js';
import { armFault } from './faults.js';
import { ListenError } from './http/server.js';
import { createLogger, writeLine } from './logger.js';
import { startRuntime, type Runtime } from './roles/all-in-one.js';
import { StartupError } from './model/startup-error.js';
import { stoppingText, StopSignals } from './roles/stop-signals.js';
import { Terminal } from './roles/terminal.js';
import { protectFromOom } from './oom-score.js';

// Files that the server writes are private; files that other users must read get their mode explicitly.
process.umask(0o077);

/** Time for removing containers after a second signal; the next start removes the remaining ones. */
const HURRY_MS = 2_000;

// A log that cannot be written (a full disk, a closed pipe) does not end the server.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

// Four times V8's own bounds. A call passes through hundreds of small functions, and takes 3 % less of this thread's time when
// V8 puts more of these into one.
setFlagsFromString('--max-inlined-bytecode-size=1840');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=3680');

const started = performance.now();
try {
  const config = readConfig();
  armFault(config.fault);
  // A terminal that shows both is watched by a person. When either goes elsewhere, a program may read it: then the log is JSON.
  const isWatched = process.stdout.isTTY && process.stderr.isTTY;
  const logger = createLogger(config.logLevel, isWatched ? 'people' : 'json');
  const unprotected = protectFromOom();
  process.on('uncaughtException', (err) => {
    // Crash-only: the next start is the recovery.
    try {
      logger.fatal({ err }, 'uncaught exception');
    } finally {
      process.exit(1);
    }
  });

  // Signals are handled before anything is started: a supervisor may send one at any time.
  let runtime: Runtime | null = null;
  const signals = new StopSignals(systemClock);
  const stop = (signal: NodeJS.Signals): void => {
    // No server is running yet; the next start cleans up after an unfinished one.
    if (runtime === null) process.exit(0);
    const asked = signals.receive();
    if (asked === 'ignore') return;
    if (asked === 'hurry') {
      logger.warn({ signal }, 'stopping now');
      process.exitCode = 1;
      setTimeout(() => process.exit(1), HURRY_MS);
      void runtime.close(0);
      return;
    }
    if (isWatched) logger.info(stoppingText(runtime.runningCalls(), config.shutdownMs));
    else logger.info({ signal, graceMs: config.shutdownMs }, 'stopping');
    runtime.close(config.shutdownMs).then(
      () => {
        logger.info({}, 'stopped');
        process.exit();
      },
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
    ...(isWatched && { events: new Terminal(writeLine, systemClock) }),
    showAdminKey: (key) => process.stdout.write(adminKeyText(key)),
  });
  const { url, functionsUrl } = runtime;
  if (functionsUrl !== null) process.stdout.write(`Public functions are served at ${functionsUrl}\n`);
  process.stdout.write(`Glambdar is ready at ${url}\n`);
  // The sentence above says that it is ready, and where. The log of a program notes the start itself.
  if (!isWatched)
    logger.info({ dir: config.dir, startMs: Math.round(performance.now() - started) }, 'started');
  if (unprotected !== null) logger.warn(unprotected);
} catch (error) {
  const expected = [ConfigError, DriverError, ListenError, StartupError].some(
    (kind) => error instanceof kind,
  );
  process.stderr.write(
    `glambdar: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exit(1);
}

function adminKeyText(key: string): string {
  return `Admin key, shown this once: ${key}\nKeep it. A new one is made on this machine with: npx glambdar reset-key\n`;
}
