/** Owns the id of a data directory: it stays the same when the directory is moved, and a copy gets another. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from './write-durably.js';

interface Identity {
  id: string;
  /** The inode and the time of birth change when a directory is copied and stay when it is renamed. */
  inode: string;
  birthtimeNs: string;
}

/**
 * The id of the directory, 16 hex digits; a new id is made and kept when the directory has none, or has that of another.
 * @param makeRoom asked when the disk is full: true when there is room for a few bytes now
 */
export function identify(path: string, makeRoom: () => boolean): string {
  const file = join(path, 'identity.json');
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  const here = { inode: `${ino}`, birthtimeNs: `${birthtimeNs}` };
  const kept = readIdentity(file);
  if (kept?.inode === here.inode && kept.birthtimeNs === here.birthtimeNs) return kept.id;
  const identity: Identity = { id: randomBytes(8).toString('hex'), ...here };
  try {
    writeDurably(file, JSON.stringify(identity));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !makeRoom()) throw error;
    writeDurably(file, JSON.stringify(identity));
  }
  return identity.id;
}

function readIdentity(file: string): Identity | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Identity> | null;
    return typeof value?.id === 'string' && /^[0-9a-f]{16}$/.test(value.id) ? (value as Identity) : undefined;
  } catch {
    return undefined; // missing or garbled: a new identity is made
  }
}
