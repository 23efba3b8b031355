/** Owns building tar archives block by block, so that each of their fields can lie. */

export interface TarEntry {
  name: string | Buffer;
  content?: string | Buffer;
  /** Character of the kind; `0` is a file. */
  type?: string;
  mode?: number;
  link?: string;
  /** The size that the header declares, when it is not the content's. */
  size?: number;
  /** `ustar` (the default here), `gnu`, or the format of Unix's seventh edition, which has no magic. */
  format?: 'ustar' | 'gnu' | 'v7';
  prefix?: string;
  /** Bytes to put over the finished header, by position; the checksum is computed afterwards. */
  patch?: readonly (readonly [at: number, bytes: string | Buffer])[];
  checksum?: number;
}

const BLOCK = 512;
const MAGIC = { ustar: 'ustar\x0000', gnu: 'ustar  \0', v7: '' };

/** The blocks of some entries, each filled up to a whole block; without the blocks that end an archive. */
export function tarEntries(...entries: TarEntry[]): Buffer {
  return Buffer.concat(
    entries.map((entry) => {
      const content = Buffer.from((entry.content ?? '') as string);
      return Buffer.concat([
        header(entry, content.length),
        content,
        Buffer.alloc(-content.length & (BLOCK - 1)),
      ]);
    }),
  );
}

/** A whole archive. */
export function buildTar(...entries: TarEntry[]): Buffer {
  return Buffer.concat([tarEntries(...entries), Buffer.alloc(2 * BLOCK)]);
}

/** The record of a pax header. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A pax header for the next entry. */
export function pax(records: Record<string, string | Buffer>): TarEntry {
  const content = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return { name: 'PaxHeader/x', type: 'x', content };
}

/** A member with the name of the next entry, as GNU's tar writes it for long names. */
export function longName(name: string | Buffer): TarEntry {
  const content = Buffer.concat([Buffer.from(name as string), Buffer.alloc(1)]);
  return { name: '././@LongLink', type: 'L', format: 'gnu', content };
}

function header(entry: TarEntry, contentBytes: number): Buffer {
  const { name, type = '0', mode = 0o644, link = '', size = contentBytes, format = 'ustar' } = entry;
  const block = Buffer.alloc(BLOCK);
  Buffer.from(name as string).copy(block, 0, 0, 100);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1');
  block.write('0000000\x000000000\0', 108, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link, 157, 100, 'utf8');
  block.write(MAGIC[format], 257, 'latin1');
  block.write(entry.prefix ?? '', 345, 155, 'utf8');
  for (const [at, bytes] of entry.patch ?? []) Buffer.from(bytes as string).copy(block, at);
  block.fill(' ', 148, 156);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
