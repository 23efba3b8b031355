/**
 * Owns hints about the files of a bundle: what is in it that its author may not want there, or that does not do what its
 * author may think. Only what is certain; a deploy goes on all the same. Pure.
 */
/** What the hints are made of. */
export interface BundleFacts {
  /** The written files. */
  files: readonly { path: string; sizeBytes: number }[];
  /** The text of `package.json` at the root, if there is one that is not too large to be parsed. */
  packageJson?: string | undefined;
  /** The first `ADDON_HEAD_BYTES` of native addons, by path. */
  addonHeads: ReadonlyMap<string, Buffer>;
}

/** How much of a native addon tells what it is built for. */
export const ADDON_HEAD_BYTES = 20;

/** Packages for development of less than this together are not worth a sentence. */
const MIN_DEVELOPMENT_BYTES = 5 * 1024 * 1024;
const MAX_NAMED = 5;
/** Packages for development that are looked for among the files, each of which is looked at for every package. */
const MAX_LOOKED_FOR = 100;

/** @returns sentences with a full stop */
export function bundleHints(facts: BundleFacts): string[] {
  return [
    variablesFile(facts),
    repository(facts),
    settingsElsewhere(facts),
    foreignAddons(facts),
    developmentPackages(facts),
  ].filter((hint) => hint !== null);
}

function variablesFile({ files }: BundleFacts): string | null {
  const file = files.find(({ path }) => /^\.env(?:\.(?:local|production|development))?$/.test(path));
  if (file === undefined) return null;
  return (
    `${file.path} is part of the bundle, and Glambdar does not read it: whoever may download the code reads it, too. ` +
    'Set its variables with the setting env, or as secrets, and leave the file out.'
  );
}

function repository({ files }: BundleFacts): string | null {
  if (!files.some(({ path }) => path.startsWith('.git/'))) return null;
  return 'The folder .git, with the history of the code, is part of the bundle; leave it out.';
}

function settingsElsewhere({ files }: BundleFacts): string | null {
  if (files.some(({ path }) => path === 'glambdar.json')) return null;
  const file = files.find(({ path }) => /^[^/]+\/glambdar\.json$/.test(path));
  if (file === undefined) return null;
  return `${file.path} is not read: settings stand in a glambdar.json at the root of the bundle.`;
}

/**
 * Addons that a machine of another kind has built. Packages with prebuilt files for many machines have them in other folders,
 * and choose.
 */
function foreignAddons({ addonHeads }: BundleFacts): string | null {
  for (const [path, head] of addonHeads) {
    if (!path.includes('/build/Release/')) continue;
    const system = systemOf(head);
    if (system !== null)
      return `${path} is built for ${system}, and functions run on Linux, ${process.arch}: install the packages with npm install --os=linux --cpu=${process.arch} --libc=glibc.`;
  }
  return null;
}

/** The processors in ELF files, by their number. */
const PROCESSORS: Readonly<Record<number, string>> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64' };
const MACH_O = new Set([0xfeedfacf, 0xcffaedfe, 0xcafebabe, 0xbebafeca]);

/** What an addon is built for; null when that is this machine, or is not known. */
function systemOf(head: Buffer): string | null {
  if (head.length < ADDON_HEAD_BYTES) return null;
  const magic = head.readUInt32BE(0);
  if (MACH_O.has(magic)) return 'macOS';
  if (magic >>> 16 === 0x4d5a) return 'Windows';
  if (magic !== 0x7f454c46) return null;
  const processor = PROCESSORS[head.readUInt16LE(18)];
  return processor === undefined || processor === process.arch ? null : `Linux, ${processor}`;
}

function developmentPackages({ files, packageJson }: BundleFacts): string | null {
  const names = developmentNames(packageJson).filter((name) =>
    files.some(({ path }) => path.startsWith(`node_modules/${name}/`)),
  );
  const bytes = files
    .filter(({ path }) => names.some((name) => path.startsWith(`node_modules/${name}/`)))
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes < MIN_DEVELOPMENT_BYTES) return null;
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return (
    `node_modules has ${Math.round(bytes / 2 ** 20)} MB of packages for development only (${names.slice(0, MAX_NAMED).join(', ')}${more}): ` +
    'npm prune --omit=dev takes them out, and deploys get faster.'
  );
}

/** The names in `devDependencies` that `dependencies` does not have. */
function developmentNames(packageJson: string | undefined): string[] {
  if (packageJson === undefined) return [];
  try {
    // Editors on Windows begin a file with a byte order mark.
    const manifest = JSON.parse(packageJson.replace(/^\uFEFF/, '')) as Record<string, unknown>;
    const needed = new Set(namesIn(manifest['dependencies']));
    return namesIn(manifest['devDependencies'])
      .filter((name) => !needed.has(name))
      .slice(0, MAX_LOOKED_FOR);
  } catch {
    // A package.json that holds no object is refused when the entry file is looked for.
    return [];
  }
}

/** The keys of an object; those of a text would be its characters. */
function namesIn(packages: unknown): string[] {
  return typeof packages === 'object' && packages !== null ? Object.keys(packages) : [];
}
