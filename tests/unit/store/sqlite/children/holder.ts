/** Opens the data directory given, says "OPEN <id>" or why not, and holds it until its stdin ends. */
import { writeSync } from 'node:fs';
import { openDataDirectory } from '../../../../../src/data/data-directory.js';
import { lockFile } from '../../../../../src/store/sqlite/lock-file.js';

try {
  const data = openDataDirectory(process.argv[2]!, { lockFile, reserve: { ballastBytes: 0 } });
  writeSync(1, `OPEN ${data.id}\n`);
  process.stdin.resume();
} catch (error) {
  writeSync(1, `${(error as Error).name}: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
