/**
 * Owns what an operator does on the server's own machine: a new admin key, backups. Whoever may write the data directory may do it,
 * whether the server is running or not.
 */
import { replaceServerKey } from './accounts/api-keys.js';
import { AuditTrail } from './accounts/audit-trail.js';
import { BackupError } from './backup/backup-error.js';
import { fileFault } from './backup/file-fault.js';
import { makeBackup } from './backup/make-backup.js';
import { restoreBackup } from './backup/restore-backup.js';
import { ConfigError, readConfig } from './config.js';
import { createLogger } from './logger.js';
import { StartupError } from './model/startup-error.js';
import { StoreError } from './model/store-error.js';
import { openAccountFile } from './store/sqlite/accounts/account-file.js';

const USAGE = `Usage: npm run admin -- reset-key
       npm run admin -- backup FILE
       npm run admin -- restore FILE DIRECTORY

  reset-key   ends the admin keys that are nobody's, and prints a new one
  backup      writes functions, accounts, secrets and records of calls to FILE
  restore     fills DIRECTORY, which is missing or empty, from a backup

With --json the result is JSON. GLAMBDAR_DIR names the server's data directory. The server may be running: old keys end within a second, and a backup disturbs no call.
`;

// A database that is opened here may get new files beside it, which must be private.
process.umask(0o077);

const isJson = process.argv.includes('--json');
try {
  const [command, ...others] = process.argv.slice(2).filter((word) => word !== '--json');
  const [file, target] = others;
  if (command === 'reset-key' && others.length === 0) await resetKey();
  else if (command === 'backup' && file !== undefined && others.length === 1) await backup(file);
  else if (command === 'restore' && file !== undefined && target !== undefined && others.length === 2)
    await restore(file, target);
  else {
    process.stderr.write(USAGE);
    process.exitCode = command === undefined || command === '--help' || command === 'help' ? 0 : 2;
  }
} catch (error) {
  const expected = [BackupError, ConfigError, StartupError, StoreError].some((kind) => error instanceof kind);
  const sentence = expected ? (error as Error).message : fileFault(error);
  const told = sentence ?? (error as Error).stack ?? String(error);
  process.stderr.write(
    isJson ? `${JSON.stringify({ error: told, code: null, details: '' })}\n` : `glambdar: ${told}\n`,
  );
  process.exitCode = 1;
}

async function backup(file: string): Promise<void> {
  const { functions } = await makeBackup({ dir: readConfig().dir, file });
  tell({ file, functions }, `${counted(functions)} backed up to ${file}.`);
}

async function restore(file: string, dir: string): Promise<void> {
  const { functions, madeAt } = await restoreBackup({ file, dir });
  tell(
    { directory: dir, functions, madeAt },
    `${counted(functions)} of ${madeAt} restored. Start a server on them with GLAMBDAR_DIR=${dir}.`,
  );
}

async function resetKey(): Promise<void> {
  const { dir, logLevel } = readConfig();
  const file = openAccountFile(dir);
  try {
    const audit = new AuditTrail({
      store: file.audit,
      logger: createLogger(logLevel),
      now: () => Date.now(),
    });
    const { text } = await replaceServerKey(file.accounts, audit, Date.now());
    if (!isJson)
      process.stderr.write("New admin key, shown this once; the admin keys that were nobody's have ended:\n");
    tell({ key: text }, text);
  } finally {
    file.close();
  }
}

/** The result: a sentence for people, or the same as JSON for programs. */
function tell(value: object, text: string): void {
  process.stdout.write(`${isJson ? JSON.stringify(value, null, 2) : text}\n`);
}

function counted(functions: number): string {
  return `${functions} ${functions === 1 ? 'function' : 'functions'}`;
}
