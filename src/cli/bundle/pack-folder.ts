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

/**
 * Zips the folder. Links to packages that only development needs are left out, for a server never runs those. Throws CliError
 * for an empty folder, and for any other link that leads out of it or to a folder.
 */
export function packFolder(folder: string): Packed {
  const root = realpathSync(folder);
  const developmentPackages = developmentPackagesOf(root);
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
      if (real !== join(root, inner) && (isFolder || !real.startsWith(root + sep))) {
        if (!developmentPackages.has(inner)) throw notInBundle(join(folder, inner), inner);
        count.ignored += 1;
        continue;
      }
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

/** Paths, from the folder, of the packages that `package.json` names for development alone. Empty without a readable `package.json`. */
function developmentPackagesOf(root: string): Set<string> {
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8').replace(/^\uFEFF/, ''));
  } catch {
    // The server says what is wrong with a package.json that cannot be read.
    return new Set();
  }
  const names = (key: string): string[] =>
    Object.keys((manifest as Record<string, Record<string, unknown>> | null)?.[key] ?? {});
  const needed = new Set(['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap(names));
  return new Set(
    names('devDependencies')
      .filter((name) => !needed.has(name))
      .map((name) => `node_modules/${name}`),
  );
}

/** The error of a link that is needed. @param shown its path, as the user knows it @param inner its path from the folder */
function notInBundle(shown: string, inner: string): CliError {
  const remedy = /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(inner)
    ? 'run `npm install --install-links`, which copies linked packages'
    : 'put the files themselves there';
  return new CliError(
    `${shown} is a link, and a bundle holds no links out of it or to folders; ${remedy}, or list it in .glambdarignore.`,
    EXIT.usage,
  );
}
