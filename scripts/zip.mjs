// Zips a folder, for machines without `zip`:
//
//   node scripts/zip.mjs FOLDER ARCHIVE.zip
import { existsSync } from 'node:fs';
import AdmZip from 'adm-zip';

const [folder, archive] = process.argv.slice(2);
if (!folder || !archive || !existsSync(folder)) {
  console.error('usage: node scripts/zip.mjs FOLDER ARCHIVE.zip   (the folder must exist)');
  process.exit(1);
}
const zip = new AdmZip();
zip.addLocalFolder(folder);
zip.writeZip(archive);
console.log(`${archive}: ${zip.getEntryCount()} entries from ${folder}`);
