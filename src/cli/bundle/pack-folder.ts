/** Owns turning a folder into a zip. The same files make the same bytes, whatever their times and the machine's time zone. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import AdmZip from 'adm-zip';
import { CliError, EXIT } from '../cli-error.js';
import { IgnoreRules } from './ignore-rules.js';

/** The time of every entry, in the form of DOS: 1 January 1980. */
const NO_TIME = 0x00210000;

export interface Packed {
  zip: Buffer;
  /** How many files are in it. */
  files: number;
  /** How many files and folders the ignore rules left out. */
  ignored: number;
}

/** Zips the folder. Throws CliError for an empty one and for a link that leads out of it. */
export function packFolder(folder: string): Packed {
  const root = realpathSync(folder);
  const zip = new AdmZip();
  const count = { files: 0, ignored: 0 };
  addFolder('', IgnoreRules.of(root));
  if (count.files === 0)
    throw new CliError(`${folder} holds no files to deploy; \`glambdar init\` makes a function.`, EXIT.usage);
  return { zip: zip.toBuffer(), ...count };

  function addFolder(path: string, rules: IgnoreRules): void {
    const entries = readdirSync(join(root, path), { withFileTypes: true });
    for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = path + name;
      const stats = statSync(join(root, inner), { throwIfNoEntry: false });
      if (stats === undefined) continue; // a link to nothing, or a file that went away meanwhile
      const isFolder = stats.isDirectory();
      if (rules.ignores(isFolder ? `${inner}/` : inner)) {
        count.ignored += 1;
        continue;
      }
      const real = realpathSync(join(root, inner));
      if (real !== join(root, inner) && (isFolder || !real.startsWith(root + sep)))
        throw new CliError(
          `${join(folder, inner)} is a link that a bundle cannot hold; put the files themselves there, or list it in .glambdarignore.`,
          EXIT.usage,
        );
      if (isFolder) addFolder(`${inner}/`, rules.inside(root, `${inner}/`));
      else if (stats.isFile()) addFile(inner, (stats.mode & 0o111) !== 0);
    }
  }

  function addFile(path: string, isExecutable: boolean): void {
    zip.addFile(path, readFileSync(join(root, path)), '', isExecutable ? 0o755 : 0o644);
    const entry = zip.getEntry(path);
    if (entry) (entry.header as unknown as { timeval: number }).timeval = NO_TIME;
    count.files += 1;
  }
}
