/**
 * Owns the recovery from a damaged or missing `glambdar.db`: a damaged file is moved aside, never repaired in place, and a
 * new one is built from the records beside the code (sidecars), in the transaction that creates it.
 */
import { existsSync, renameSync } from 'node:fs';
import { basename } from 'node:path';
import { shownRef } from '../../../model/function/ref.js';
import type { RestoredFunctions } from '../../../model/function/restored-functions.js';
import { FunctionDatabase } from './function-database.js';

/**
 * Opens `glambdar.db`. `recovered` is a sentence about the recovery; null when there was none.
 * @param readRestored reads the records beside the code; called only when there is no sound database
 */
export function openFunctions(
  file: string,
  readRestored: () => RestoredFunctions,
): { database: FunctionDatabase; recovered: string | null } {
  let restored: RestoredFunctions = { functions: [], lost: [] };
  let what = 'glambdar.db was missing';
  let damaged = false;
  if (existsSync(file)) {
    const damage = FunctionDatabase.damage(file);
    if (damage !== undefined) {
      damaged = true;
      what = `glambdar.db was damaged (${damage.replaceAll(/\s+/g, ' ').trim()}) and is kept as ${moveAside(file)}`;
    }
  }
  const database = FunctionDatabase.open(file, () => (restored = readRestored()));
  const isNew = !damaged && restored.functions.length + restored.lost.length === 0;
  return { database, recovered: isNew ? null : sentence(what, restored) };
}

/** Renames a database with its -wal and -shm; the database first, so that after a crash half way it counts as missing. */
function moveAside(file: string): string {
  const suffix = `.corrupt-${Date.now()}`;
  for (const part of ['', '-wal', '-shm']) {
    if (existsSync(file + part)) renameSync(file + part, file + part + suffix);
  }
  return basename(file) + suffix;
}

function sentence(what: string, { functions, lost }: RestoredFunctions): string {
  const count = functions.length === 1 ? '1 function was' : `${functions.length} functions were`;
  const gone =
    lost.length === 0
      ? ''
      : `; not restored, because the record of the newest version there cannot be read: ${lost.map(shownRef).join(', ')} ` +
        '(no older version serves instead, and all code is kept: deploy them again)';
  return `${what}; ${count} restored from functions/${gone}.`;
}
