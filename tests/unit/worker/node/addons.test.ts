/** Native addons that do not load: each file is one that the dynamic linker refuses, in the way the test is about. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { FunctionProcess } from '../../../helpers/function-process.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

const runs = new RegExp(
  `Functions run on Node ${process.versions.node.replaceAll('.', '\\.')}, linux ${process.arch}, (glibc [\\d.]+|musl)`,
);

/** An ELF header of a 64-bit shared library for this processor, and nothing behind it. @param machine as ELF numbers them */
function elf(machine: number): Buffer {
  const file = Buffer.alloc(4096);
  Buffer.from('7f454c46020101', 'hex').copy(file);
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  return file;
}

const otherMachine = process.arch === 'x64' ? { number: 183, name: 'arm64' } : { number: 62, name: 'x64' };
const files: [title: string, file: Buffer, said: RegExp][] = [
  ['macOS', Buffer.from('cffaedfe0c000001'.padEnd(512, '0'), 'hex'), /The file is built for macOS\. /],
  ['macOS, of several processors', Buffer.from('cafebabe'.padEnd(512, '0'), 'hex'), /built for macOS\. /],
  ['Windows', Buffer.from('4d5a9000'.padEnd(512, '0'), 'hex'), /The file is built for Windows\. /],
  ['another processor', elf(otherMachine.number), new RegExp(`built for linux ${otherMachine.name}\\. `)],
];

for (const [title, file, said] of files) {
  test(`an addon for ${title} is told as that, with how to install one that fits`, async (t) => {
    const path = join(temporaryDirectory(t), 'a.node');
    writeFileSync(path, file);
    const error = await FunctionProcess.loadError(t, `require(${JSON.stringify(path)});`);
    t.regex(error.message, said);
    t.regex(error.message, runs);
    t.regex(error.message, /npm install --os=linux --cpu=\w+ --libc=(glibc|musl)\./);
  });
}

/** What the linker and loaders of packages say, where no file can be made that makes them say it. */
const sentences: [title: string, thrown: string, said: RegExp][] = [
  [
    'a version of Node other than ours is told whole, in one line',
    String.raw`new Error("The module 'a.node'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION 115. This version of Node.js requires\nNODE_MODULE_VERSION 137. Please try re-compiling or re-installing\nthe module (for instance, using ` +
      '`npm rebuild` or `npm install`).")',
    /^The module 'a.node' was compiled .* using NODE_MODULE_VERSION 115\. .*`npm install`\)\. Functions run on .*: install the packages with Node \d+, or run npm rebuild with it\.$/,
  ],
  [
    'a library that is not there is named',
    "new Error('libfoo.so.3: cannot open shared object file: No such file or directory')",
    /No such file or directory\. Functions run on .*; the library libfoo\.so\.3 is not there: use a build of the package that brings it along\.$/,
  ],
  [
    'the reason is told although a loader hides it in the causes of causes',
    "new Error('Cannot find native binding.', { cause: Object.assign(new Error(\"Cannot find module 'x-linux-x64-musl'\"), { cause: new Error('librt.so.9: cannot open shared object file: No such file or directory') }) })",
    /^Cannot find native binding\. Cause: librt\.so\.9: cannot open .* the library librt\.so\.9 is not there/,
  ],
  [
    'a package for another system only is told as installed elsewhere',
    "new Error('Failed to load native binding', { cause: [new Error(\"Cannot find module '@swc/core-linux-x64-gnu'\")] })",
    /^Failed to load native binding\. Cause: Cannot find module .*\. The package was installed on another kind of machine\. Functions run on/,
  ],
  [
    'a newer C library is named',
    'new Error("/lib/libm.so.6: version `GLIBC_2.99\' not found (required by /slot/function/a.node)")',
    /The file is built for a newer system, with GLIBC_2\.99\. Functions run on/,
  ],
];

for (const [title, thrown, said] of sentences) {
  test(title, async (t) => {
    t.regex((await FunctionProcess.loadError(t, `throw ${thrown};`)).message, said);
  });
}

test('errors that have nothing to do with addons get no advice', async (t) => {
  const fn = await FunctionProcess.load(
    t,
    "exports.handler = (req) => { throw new Error(req.body || 'x'); };",
  );
  for (const body of ["Cannot find module 'express'", 'self', 'a shared object', 'NODE_MODULE_VERSION'])
    t.is((await fn.failure({ body })).error.message, body);
});
