/** Owns building archives byte by byte, so that each of their fields can lie. */
import { crc32, deflateRawSync } from 'node:zlib';

/** The fields of a header that may be given a value of their own. */
export interface HeaderFields {
  name?: string | Buffer;
  flags?: number;
  method?: number;
  crc?: number;
  compressedSize?: number;
  size?: number;
  extra?: Buffer;
}

export interface HostileEntry {
  name: string | Buffer;
  content?: string | Buffer;
  /** 0 stored (the default here), 8 deflated. */
  method?: number;
  /** Unix mode with type bits; 0 = none given. */
  mode?: number;
  flags?: number;
  /** Replace what the entry really is, in one of its two headers. */
  central?: HeaderFields & { headerOffset?: number; disk?: number; comment?: Buffer; dosAttributes?: number };
  local?: HeaderFields;
  /** Follows the data, e.g. a descriptor. */
  after?: Buffer;
}

export interface ArchiveOptions {
  prefix?: Buffer;
  suffix?: Buffer;
  comment?: Buffer;
  /** Between the directory and the end record. */
  beforeEnd?: Buffer;
  end?: {
    disk?: number;
    directoryDisk?: number;
    diskCount?: number;
    count?: number;
    size?: number;
    start?: number;
    commentLength?: number;
  };
}

/** A well-formed archive but for what the arguments say. */
export function buildZip(entries: readonly HostileEntry[], options: ArchiveOptions = {}): Buffer {
  const parts: Buffer[] = options.prefix === undefined ? [] : [options.prefix];
  const centrals: Buffer[] = [];
  let position = options.prefix?.length ?? 0;
  for (const entry of entries) {
    const fields = realFields(entry);
    const data = dataOf(entry);
    centrals.push(centralHeader({ ...fields, ...entry.central }, entry, position));
    const local = Buffer.concat([
      localHeader({ ...fields, ...entry.local }),
      data,
      entry.after ?? Buffer.alloc(0),
    ]);
    parts.push(local);
    position += local.length;
  }
  const directory = Buffer.concat(centrals);
  const comment = options.comment ?? Buffer.alloc(0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(options.end?.disk ?? 0, 4);
  end.writeUInt16LE(options.end?.directoryDisk ?? 0, 6);
  end.writeUInt16LE(options.end?.diskCount ?? options.end?.count ?? entries.length, 8);
  end.writeUInt16LE(options.end?.count ?? entries.length, 10);
  end.writeUInt32LE(options.end?.size ?? directory.length, 12);
  end.writeUInt32LE(options.end?.start ?? position, 16);
  end.writeUInt16LE(options.end?.commentLength ?? comment.length, 20);
  return Buffer.concat([
    ...parts,
    directory,
    options.beforeEnd ?? Buffer.alloc(0),
    end,
    comment,
    options.suffix ?? Buffer.alloc(0),
  ]);
}

/** What a ZIP64 end record and its locator say. */
export interface Zip64End {
  count: number;
  size: number;
  start: number;
  countOnDisk?: number;
  disk?: number;
  recordBytes?: number;
  disks?: number;
  /** Position of the record in the archive: where the directory ends. */
  at?: number;
}

/** A ZIP64 end record and the locator behind it, for `beforeEnd`. */
export function zip64End(end: Zip64End): Buffer {
  const bytes = Buffer.alloc(76);
  bytes.writeUInt32LE(0x06064b50, 0);
  bytes.writeBigUInt64LE(BigInt(end.recordBytes ?? 44), 4);
  bytes.writeUInt16LE(45, 12);
  bytes.writeUInt16LE(45, 14);
  bytes.writeUInt32LE(end.disk ?? 0, 16);
  bytes.writeBigUInt64LE(BigInt(end.countOnDisk ?? end.count), 24);
  bytes.writeBigUInt64LE(BigInt(end.count), 32);
  bytes.writeBigUInt64LE(BigInt(end.size), 40);
  bytes.writeBigUInt64LE(BigInt(end.start), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(end.at ?? end.start + end.size), 64);
  bytes.writeUInt32LE(end.disks ?? 1, 72);
  return bytes;
}

/** 64-bit numbers one behind the other, as in a ZIP64 extra field. */
export function sizes64(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), 8 * index));
  return bytes;
}

/** Where the directory of an archive lies that has no ZIP64 records and no comment. */
export function directoryOf(zip: Buffer): { count: number; size: number; start: number } {
  const end = zip.length - 22;
  return {
    count: zip.readUInt16LE(end + 10),
    size: zip.readUInt32LE(end + 12),
    start: zip.readUInt32LE(end + 16),
  };
}

/** One extra field. */
export function extraField(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(data.length, 2);
  return Buffer.concat([head, data]);
}

function dataOf({ content = '', method = 0 }: HostileEntry): Buffer {
  const bytes = Buffer.from(content as string);
  return method === 8 ? deflateRawSync(bytes) : bytes;
}

function realFields(entry: HostileEntry): Required<HeaderFields> {
  const content = Buffer.from((entry.content ?? '') as string);
  return {
    name: entry.name,
    flags: entry.flags ?? 0x0800,
    method: entry.method ?? 0,
    crc: crc32(content),
    compressedSize: dataOf(entry).length,
    size: content.length,
    extra: Buffer.alloc(0),
  };
}

function localHeader(fields: Required<HeaderFields>): Buffer {
  const name = Buffer.from(fields.name as string);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  writeCommon(header, 6, fields, name);
  return Buffer.concat([header, name, fields.extra]);
}

function centralHeader(
  fields: Required<HeaderFields> & NonNullable<HostileEntry['central']>,
  { mode = 0 }: HostileEntry,
  position: number,
): Buffer {
  const name = Buffer.from(fields.name as string);
  const comment = fields.comment ?? Buffer.alloc(0);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(0x0314, 4);
  header.writeUInt16LE(20, 6);
  writeCommon(header, 8, fields, name);
  header.writeUInt16LE(comment.length, 32);
  header.writeUInt16LE(fields.disk ?? 0, 34);
  header.writeUInt16LE(fields.dosAttributes ?? 0, 38);
  header.writeUInt16LE(mode, 40);
  header.writeUInt32LE(fields.headerOffset ?? position, 42);
  return Buffer.concat([header, name, fields.extra, comment]);
}

function writeCommon(header: Buffer, at: number, fields: Required<HeaderFields>, name: Buffer): void {
  header.writeUInt16LE(fields.flags, at);
  header.writeUInt16LE(fields.method, at + 2);
  header.writeUInt32LE(0x21 << 16, at + 4);
  header.writeUInt32LE(fields.crc, at + 8);
  header.writeUInt32LE(fields.compressedSize, at + 12);
  header.writeUInt32LE(fields.size, at + 16);
  header.writeUInt16LE(name.length, at + 20);
  header.writeUInt16LE(fields.extra.length, at + 22);
}
