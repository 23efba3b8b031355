/** Owns the checks of this machine beside Docker: its versions, the configuration in the environment, the disk. */
import { existsSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { ConfigError, environmentVariable, readConfig } from '../../config.js';
import { sizeText } from '../terminal/progress-bar.js';
import { judged, well, wrong, type Finding } from './check.js';

/** What the server needs. */
const NODE = [20, 19] as const;
/** Less free space than this stops deploys soon. */
const FREE_BYTES = 1_000_000_000;
/** A function brings so many files at most, by default. */
const FREE_FILES = 20_000;

/** @param useDefaultDirectory names the server's own default directory in the environment, where nobody has named one */
export function machineChecks(useDefaultDirectory: () => void): Finding[] {
  const isNamed = Boolean(environmentVariable('GLAMBDAR_DIR'));
  useDefaultDirectory();
  try {
    const { dir } = readConfig();
    return [versionCheck(), well('configuration', 'is valid'), diskCheck(dir, isNamed)];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const remedy = 'Mend the variable in the environment; docs/configuration.md lists them all.';
    return [versionCheck(), wrong('configuration', error.message, remedy)];
  }
}

/** The server's directory as the environment names it since `machineChecks` ran, null when a variable is wrong. */
export function dataDirectory(): string | null {
  try {
    return readConfig().dir;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return null;
  }
}

function versionCheck(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return judged(
    'versions',
    fits,
    `Node.js ${process.versions.node}, Linux ${release()}`,
    `Install Node.js ${NODE.join('.')} or newer.`,
  );
}

/** The file system of the server's directory. A directory that nobody named is made by the server's first start. */
function diskCheck(dir: string, isNamed: boolean): Finding {
  let place = dir;
  while (!isNamed && !existsSync(place)) place = dirname(place);
  try {
    const { bavail, bsize, files, ffree } = statfsSync(place);
    const free = bavail * bsize;
    // Some file systems have no fixed number of files, and tell 0.
    const hasFiles = files === 0 || ffree >= FREE_FILES;
    return judged(
      'disk',
      free >= FREE_BYTES && hasFiles,
      `${sizeText(free)} free${hasFiles ? '' : ` and room for ${ffree} files`} in ${place}`,
      'Free some space: deploys are refused on a full disk.',
    );
  } catch {
    return wrong('disk', `${place} is not there`, 'Set GLAMBDAR_DIR to the directory of the server.');
  }
}
