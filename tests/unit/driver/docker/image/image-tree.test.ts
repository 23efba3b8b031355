import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import test from 'ava';
import { extract } from 'tar-stream';
import { imageTree, parseLdd } from '../../../../../src/driver/docker/image/image-tree.js';

/** The C library of this machine, by the program that runs this test. */
const libc = parseLdd(execFileSync('ldd', [process.execPath], { encoding: 'utf8' })).find((path) =>
  /^(libc\.so|libc\.musl|ld-)/.test(basename(path)),
)!;

/** Paths in the image around a small program. */
async function pathsIn(): Promise<string[]> {
  const paths: string[] = [];
  const files = extract();
  files.on('entry', ({ name }, stream, next) => {
    paths.push(`/${name}`);
    stream.on('end', next).resume();
  });
  (await imageTree('/bin/ls')).pipe(files);
  await finished(files);
  return paths;
}

/** What prebuilt addons name beside the C library: its other parts, the run-time libraries of compilers, OpenSSL and zlib. */
const wanted = `librt.so.1 libutil.so.1 libanl.so.1 libpthread.so.0 libdl.so.2 libm.so.6 libmvec.so.1 libresolv.so.2
  libBrokenLocale.so.1 libstdc++.so.6 libgcc_s.so.1 libatomic.so.1 libgomp.so.1 libz.so.1 libssl.so.3 libcrypto.so.3`;

test('the image has each library of this machine that prebuilt addons name, once and beside the C library', async (t) => {
  const paths = await pathsIn();
  const home = dirname(libc);
  for (const name of wanted.split(/\s+/))
    t.is(paths.includes(`${home}/${name}`), existsSync(`${home}/${name}`), name);
  t.deepEqual(paths, [...new Set(paths)]);
});
