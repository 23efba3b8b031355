/**
 * Owns files that this server writes for its containers and that another program (a cleaner of temporary files) may damage
 * while the server runs: whether such a file is still as it was written, and writing it again.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';
import { dirname } from 'node:path';

/** One file that every user may read. */
export class InstalledFile {
  readonly path: string;
  readonly #content: string;
  #installed: BigIntStats | undefined;

  /** Writes nothing before `repair`. @param path absolute; a missing directory is made: mode 0755, its parents 0700 */
  constructor(path: string, content: string) {
    this.path = path;
    this.#content = content;
  }

  /**
   * Writes the file unless it is still as it was written, which one `lstat` (10 µs) tells. Containers that have the old
   * file mounted keep the old one.
   * @throws the file system's error when it cannot be written
   */
  repair(): void {
    if (this.#isIntact()) return;
    const directory = dirname(this.path);
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(directory, 0o755);
    const draft = `${this.path}.new`;
    rmSync(draft, { recursive: true, force: true });
    writeFileSync(draft, this.#content, { flag: 'wx' });
    chmodSync(draft, 0o644); // whatever the umask
    try {
      renameSync(draft, this.path);
    } catch {
      rmSync(this.path, { recursive: true, force: true }); // a directory stands in the way
      renameSync(draft, this.path);
    }
    this.#installed = lstatSync(this.path, { bigint: true });
  }

  #isIntact(): boolean {
    const now = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    const { ino, size, mtimeNs, ctimeNs } = this.#installed ?? {};
    return (
      now !== undefined &&
      now.ino === ino &&
      now.size === size &&
      now.mtimeNs === mtimeNs &&
      now.ctimeNs === ctimeNs
    );
  }
}
