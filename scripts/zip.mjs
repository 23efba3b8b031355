// Zips a folder, for machines without `zip`:
//
//   node scripts/zip.mjs FOLDER ARCHIVE.zip
import { chmodSync, statSync } from 'node:fs';
import AdmZip from 'adm-zip';

const [folder, archive] = process.argv.slice(2);
if (!folder || !archive || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
  console.error('usage: node scripts/zip.mjs FOLDER ARCHIVE.zip   (the folder must exist)');
  process.exit(1);
}
const zip = new AdmZip();
zip.addLocalFolder(folder);
zip.writeZip(archive);
chmodSync(archive, 0o666 & ~process.umask()); // adm-zip lets everybody write
const count = zip.getEntryCount();
console.log(`${archive}: ${count} ${count === 1 ? 'entry' : 'entries'} from ${folder}`);
