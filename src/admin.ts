/**
 * Owns what an operator does on the server's own machine: `npm run admin -- reset-key`. Whoever may write the data directory
 * may do it, whether the server is running or not.
 */
import { replaceServerKey } from './accounts/api-keys.js';
import { AuditTrail } from './accounts/audit-trail.js';
import { ConfigError, readConfig } from './config.js';
import { createLogger } from './logger.js';
import { StartupError } from './model/startup-error.js';
import { StoreError } from './model/store-error.js';
import { openAccountFile } from './store/sqlite/accounts/account-file.js';

const USAGE = `Usage: npm run admin -- reset-key

  reset-key   ends the admin keys that are nobody's, and prints a new one

GLAMBDAR_DIR names the server's data directory. The server may be running: the old keys end within a second.
`;

// A database that is opened here may get new files beside it, which must be private.
process.umask(0o077);

try {
  const [command, ...others] = process.argv.slice(2);
  if (command === 'reset-key' && others.length === 0) await resetKey();
  else {
    process.stderr.write(USAGE);
    process.exitCode = command === undefined || command === '--help' || command === 'help' ? 0 : 2;
  }
} catch (error) {
  const expected = [ConfigError, StartupError, StoreError].some((kind) => error instanceof kind);
  process.stderr.write(
    `glambdar: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exitCode = 1;
}

async function resetKey(): Promise<void> {
  const { dir, logLevel } = readConfig();
  const file = openAccountFile(dir);
  try {
    const { text, record } = await replaceServerKey(file.accounts, Date.now());
    const trail = new AuditTrail({
      store: file.audit,
      logger: createLogger(logLevel),
      now: () => Date.now(),
    });
    await trail.record({
      actor: { kind: 'operator', id: 'operator' },
      namespace: record.namespace,
      action: 'key.create',
      target: record.id,
      address: null,
      detail: { role: record.role },
    });
    process.stderr.write("New admin key, shown this once; the admin keys that were nobody's have ended:\n");
    process.stdout.write(`${text}\n`);
  } finally {
    file.close();
  }
}
