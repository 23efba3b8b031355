// Prints how many packages of package-lock.json npm puts on this machine: those for other systems and processors, which are
// in the list, too, it leaves out.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';

/** As npm reads the fields os, cpu and libc: names that fit, or names with a `!` that do not. */
function fits(names, own) {
  if (names === undefined) return true;
  if (names.includes(`!${own}`)) return false;
  return names.includes(own) || names.every((name) => name.startsWith('!'));
}

const here = Object.entries(packages).filter(
  ([path, { os, cpu, libc: c }]) =>
    path !== '' && fits(os, process.platform) && fits(cpu, process.arch) && fits(c, libc),
);
process.stdout.write(`${here.length}\n`);
