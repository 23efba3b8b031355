/**
 * Owns telling why a native addon does not load and what to do about it. The dynamic linker and the loaders of packages say
 * what they did not find, never that the package was installed on another kind of machine, which is the usual reason.
 */
'use strict';
const fs = require('node:fs');

/** Appears in every text that `adviceFor` has advice for, and in few others. */
const ABOUT_ADDONS =
  /NODE_MODULE_VERSION|\bELF\b|shared object|GLIBC|GLIBCXX|undefined symbol|Cannot find (?:module|package) '|another platform/;
/** Names of packages for one platform, as prebuilt addons are published: `@scope/name-linux-x64-gnu`. */
const PLATFORM_PACKAGE =
  /Cannot find (?:module|package) '([^'/]*\/?[^'/]*(?:linux|darwin|win32|linuxmusl)-(?:x64|arm64|ia32|arm)[^']*)'/;
const LONGEST_QUOTE = 500;

/** From the most telling to the least: a loader of a package tries one file after the other. @type {((text: string) => string | null)[]} */
const REASONS = [
  (text) =>
    /NODE_MODULE_VERSION \d+/.test(text)
      ? `${runsOn()}: install the packages with Node ${process.versions.node.split('.')[0]}, or run npm rebuild with it.`
      : null,
  (text) => {
    const built = builtFor(
      /(\/[^\n:]+): (?:invalid ELF header|wrong ELF class|cannot open shared)/.exec(text)?.[1],
    );
    return built && `The file is built for ${built}. ${runsOn()}: ${installThere()}.`;
  },
  (text) =>
    /libc\.musl-|ld-musl-|libc\.so: cannot open/.test(text) && glibc() !== undefined
      ? `The file is built for musl (Alpine). ${runsOn()}: ${installThere()}.`
      : null,
  (text) => {
    const version = /version [`'](GLIBC(?:XX)?_[\d.]+)' not found/.exec(text)?.[1];
    return version === undefined
      ? null
      : `The file is built for a newer system, with ${version}. ${runsOn()}: install a version of the package that is built for it.`;
  },
  (text) => {
    const library = /(?:^|[\s/])([^\s/:]+\.so[.\d]*): cannot open shared object file/.exec(text)?.[1];
    return library === undefined
      ? null
      : `${runsOn()}; the library ${library} is not there: use a build of the package that brings it along.`;
  },
  (text) => {
    const name = PLATFORM_PACKAGE.exec(text)?.[1];
    return name === undefined
      ? null
      : `The package was installed on another kind of machine. ${runsOn()}: ${installThere()}.`;
  },
  (text) => (/installed .{1,100} for another platform/.test(text) ? `${runsOn()}: ${installThere()}.` : null),
  (text) =>
    /undefined symbol|invalid ELF|wrong ELF/.test(text)
      ? `The file is damaged, or built for another system. ${runsOn()}: ${installThere()}.`
      : null,
];

/**
 * @param {readonly string[]} texts the message of an error, then those of its causes
 * @returns {{ cause: string, advice: string } | null} the text that tells the reason, and a sentence for the author; null when
 *   the error has nothing to do with a native addon
 */
function adviceFor(texts) {
  if (!texts.some((text) => ABOUT_ADDONS.test(text))) return null;
  for (const reason of REASONS) {
    for (const text of texts) {
      const advice = reason(text);
      if (advice !== null) return { cause: text.slice(0, LONGEST_QUOTE), advice };
    }
  }
  return null;
}

/** e.g. `Functions run on Node 24.21.0, linux x64, glibc 2.36` */
function runsOn() {
  const version = glibc();
  const libc = version === undefined ? 'musl' : `glibc ${version}`;
  return `Functions run on Node ${process.versions.node}, ${process.platform} ${process.arch}, ${libc}`;
}

function installThere() {
  const libc = glibc() === undefined ? 'musl' : 'glibc';
  return `install with npm install --os=linux --cpu=${process.arch} --libc=${libc}`;
}

/** Version of the C library of this process; undefined where it is musl. @returns {string | undefined} */
function glibc() {
  const { report } = process;
  // Without this the report looks up the names of all network peers.
  /** @type {any} */ (report).excludeNetwork = true;
  return /** @type {any} */ (report.getReport()).header.glibcVersionRuntime;
}

/** The machine types of ELF files that packages are published for. @type {Record<number, string>} */
const MACHINES = { 3: 'linux ia32', 40: 'linux arm', 62: 'linux x64', 183: 'linux arm64' };

/**
 * What a file is built for, by its first bytes: the linker only says that the file is not there, or that it is no ELF file.
 * @param {string | undefined} path absolute
 * @returns {string | null} null when the file is built for this machine, or cannot be told
 */
function builtFor(path) {
  if (path === undefined) return null;
  const head = Buffer.alloc(20);
  try {
    const file = fs.openSync(path, 'r');
    try {
      fs.readSync(file, head, 0, head.length, 0);
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return null;
  }
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) {
    const machine = MACHINES[head.readUInt16LE(18)];
    return machine === undefined || machine === `${process.platform} ${process.arch}` ? null : machine;
  }
  // Mach-O in both byte orders, for one and for several processors; then `MZ`.
  if ([0xfeedfacf, 0xcffaedfe, 0xcafebabe, 0xbebafeca].includes(magic)) return 'macOS';
  if (magic >>> 16 === 0x4d5a) return 'Windows';
  return null;
}

module.exports = { adviceFor };
