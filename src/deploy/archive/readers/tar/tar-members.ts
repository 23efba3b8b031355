/**
 * Owns the order of the members in a tar archive: which of them are files and folders, and which describe the next one (long
 * names, pax headers). It is told the blocks one by one and keeps none, so that it serves archives in memory and in a stream:
 *
 *   for each header block:  member = members.read(block)
 *     end        → the rest of the archive must be zeros
 *     extension  → members.describe(content), with the `size` bytes behind the block
 *     file       → an entry, with `size` bytes behind the block
 *   then, and when the archive ends without an end:  members.finish()
 *
 * Behind the `size` bytes the archive is filled up to a whole block.
 */
import type { GlambdarError } from '../../../../errors.js';
import { readEntryName } from '../../entry-names.js';
import { isCommandLink } from '../../entry-rules.js';
import { invalidArchive, invalidEntry } from '../../refusals.js';
import type { SourceEntry } from '../../source-files.js';
import { damagedRecords, readPaxRecords } from './pax-records.js';
import { isZero, readTarHeader, type TarHeader } from './tar-header.js';

/** The longest content of a member that describes the next one: names have 512 bytes, other records are short. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const SYMBOLIC_LINK = 0o120000;
const CHARACTER_DEVICE = 0o020000;
const BLOCK_DEVICE = 0o060000;
const PIPE = 0o010000;

/** The name of the folder that all entries lie in. */
const ROOT = Buffer.from('./');

/** The kinds of members that become entries, with their bits in a Unix mode. The rules know hard links as symbolic ones. */
const KINDS: Readonly<Record<string, number>> = {
  '0': REGULAR,
  '7': REGULAR,
  '5': DIRECTORY,
  '1': SYMBOLIC_LINK,
  '2': SYMBOLIC_LINK,
  '3': CHARACTER_DEVICE,
  '4': BLOCK_DEVICE,
  '6': PIPE,
};

/** What a header block begins. */
export type TarMember =
  | { type: 'end' }
  /** The content is for `describe`; no more than 1 MiB. */
  | { type: 'extension'; size: number }
  | { type: 'file'; entry: SourceEntry };

export class TarMembers {
  /** The extension whose content is to be read next. */
  #extension: TarHeader | undefined;
  /** What is known of the next entry beside its header. */
  #longName: Buffer | undefined;
  #records: Map<string, Buffer> | undefined;
  #isDescribed = false;

  /** Reads the block in front of a member. Throws INVALID_BUNDLE. */
  read(block: Buffer): TarMember {
    if (isZero(block)) return { type: 'end' };
    const header = readTarHeader(block);
    if ('LKxgX'.includes(header.type)) {
      if (header.size > MAX_EXTENSION_BYTES) throw damagedRecords();
      this.#extension = header;
      return { type: 'extension', size: header.size };
    }
    return { type: 'file', entry: this.#entry(header) };
  }

  /** Takes the content of the extension that `read` returned last. Throws INVALID_BUNDLE. */
  describe(content: Buffer): void {
    const type = this.#extension?.type;
    this.#extension = undefined;
    switch (type) {
      case 'L':
        if (this.#longName !== undefined || this.#records !== undefined) throw describedTwice();
        this.#longName = untilNul(content);
        break;
      case 'x':
      case 'X':
        if (this.#longName !== undefined || this.#records !== undefined) throw describedTwice();
        this.#records = readPaxRecords(content);
        break;
      case 'g':
        // Comments such as git's are harmless; a name or size for every further entry is not.
        for (const key of readPaxRecords(content).keys()) {
          if (shapesEntry(key)) throw damagedRecords();
        }
        return;
      // The target of a link: links are refused or left out.
      case 'K':
        break;
      default:
        throw new Error('no member describes the next one');
    }
    this.#isDescribed = true;
  }

  /** To be called at the end of the archive. Throws INVALID_BUNDLE when the entry is missing that was described last. */
  finish(): void {
    if (this.#isDescribed || this.#extension !== undefined) throw cutShort();
  }

  #entry(header: TarHeader): SourceEntry {
    const records = this.#records;
    const rawName = records?.get('path') ?? this.#longName ?? header.rawName;
    this.#longName = undefined;
    this.#records = undefined;
    this.#isDescribed = false;
    const kind = KINDS[header.type];
    if (header.type === 'S' || hasSparseRecords(records)) {
      throw invalidEntry(rawName, 'is a sparse file. Make the archive without "--sparse".');
    }
    if (kind === undefined) {
      throw invalidEntry(
        rawName,
        `is of a kind that cannot be read (${kindName(header.type)}). Leave it out.`,
      );
    }
    // A size for more than 8 GiB, which a header cannot hold, is beyond every limit. So both must say the same: programs
    // that know only one of them would take the content of this entry for headers of others.
    const size = records?.get('size');
    if (size !== undefined && size.toString('latin1') !== String(header.size)) {
      throw invalidEntry(rawName, 'declares two sizes. Make the archive again.');
    }
    if (kind !== REGULAR && header.size > 0) {
      const what = kind === DIRECTORY ? 'a folder' : 'a link, device or pipe';
      throw invalidEntry(rawName, `is ${what} with content. Make the archive again.`);
    }
    const name = readEntryName(isRoot(rawName, kind) ? ROOT : rawName, kind === DIRECTORY);
    if (header.type === '1' && !isCommandLink(name)) {
      throw invalidEntry(rawName, 'is a hard link. Make the archive with "-h --hard-dereference".');
    }
    // Archives of before 1988 have no kind for folders, only the slash.
    const isFolder = kind === DIRECTORY || (name.directory && header.size === 0 && kind === REGULAR);
    return { ...name, mode: header.mode | (isFolder ? DIRECTORY : kind), size: header.size };
  }
}

/** Whether an entry is the root folder as Python's tarfile writes it without a name of its own: a bare slash. */
function isRoot(rawName: Buffer, kind: number): boolean {
  return kind === DIRECTORY && rawName.length === 1 && rawName[0] === 0x2f;
}

function shapesEntry(key: string): boolean {
  return ['path', 'linkpath', 'size'].includes(key) || key.startsWith('GNU.sparse.');
}

function hasSparseRecords(records: Map<string, Buffer> | undefined): boolean {
  return [...(records?.keys() ?? [])].some((key) => key.startsWith('GNU.sparse.'));
}

function untilNul(content: Buffer): Buffer {
  const end = content.indexOf(0);
  return end === -1 ? content : content.subarray(0, end);
}

function kindName(type: string): string {
  return /^[A-Za-z0-9]$/.test(type) ? `"${type}"` : `byte ${type.charCodeAt(0)}`;
}

function describedTwice(): GlambdarError {
  return invalidArchive('The tar archive describes an entry in two different ways. Make it again.');
}

/** The archive ends in the middle of an entry. */
export function cutShort(): GlambdarError {
  return invalidArchive('The tar archive was cut short. Upload it again, or make it again.');
}
